import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from 'tar';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fetchLivekitRelease } from '../../src/cli/dev/fetch-livekit-release.ts';
import { getLivekitBinary, LIVEKIT_SERVER, LIVEKIT_SIP } from '../../src/cli/dev/get-livekit-binary.ts';

const { version: LIVEKIT_VERSION } = LIVEKIT_SERVER;
const PROGRAM = `#!/bin/sh\necho "livekit-server version ${LIVEKIT_VERSION}"\n`;
const ARCHIVE = `livekit_${LIVEKIT_VERSION}_linux_amd64.tar.gz`;

let home: string;
let server: Server | undefined;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'charla-livekit-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
  await rm(home, { recursive: true });
});

/** A release site on loopback; a file that is not named is answered with 404. */
async function releases(files: Record<string, string | Buffer>): Promise<string> {
  server = createServer((request, response) => {
    const body = files[request.url?.replace(`/v${LIVEKIT_VERSION}/`, '') ?? ''];
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function archive(): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'charla-archive-'));
  await writeFile(join(folder, 'livekit-server'), PROGRAM, { mode: 0o755 });
  await writeFile(join(folder, 'LICENSE'), 'Apache-2.0');
  await create({ gzip: true, cwd: folder, file: join(folder, ARCHIVE) }, ['LICENSE', 'livekit-server']);
  const bytes = await readFile(join(folder, ARCHIVE));
  await rm(folder, { recursive: true });
  return bytes;
}

const sums = (bytes: Buffer, name = ARCHIVE) =>
  `${'0'.repeat(64)}  livekit_${LIVEKIT_VERSION}_windows_amd64.zip\n${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`;

function fetchRelease(baseUrl: string, more: { connectTimeoutMs?: number; platform?: string } = {}) {
  const target = join(home, 'bin', 'livekit-server');
  const options = { version: LIVEKIT_VERSION, target, baseUrl, platform: 'linux', arch: 'x64', ...more };
  return fetchLivekitRelease(options).then(() => target);
}

describe('the release of livekit-server', () => {
  it('is downloaded, checked, and unpacked to its place, and nothing else stays', async () => {
    const bytes = await archive();
    const target = await fetchRelease(await releases({ [ARCHIVE]: bytes, 'checksums.txt': sums(bytes) }));
    expect(await readFile(target, 'utf8')).toBe(PROGRAM);
    expect(await readdir(join(home, 'bin'))).toEqual(['livekit-server']);
  });

  it('is refused when its hash is another than the one in checksums.txt, and nothing stays', async () => {
    const bytes = await archive();
    const url = await releases({
      [ARCHIVE]: Buffer.concat([bytes, Buffer.from('!')]),
      'checksums.txt': sums(bytes),
    });
    await expect(fetchRelease(url)).rejects.toThrow(/has sha256 [0-9a-f]{64}, not [0-9a-f]{64}/);
    expect(await readdir(join(home, 'bin'))).toEqual([]);
  });

  it('is refused when checksums.txt does not name it', async () => {
    const bytes = await archive();
    const url = await releases({ [ARCHIVE]: bytes, 'checksums.txt': sums(bytes, 'another.tar.gz') });
    await expect(fetchRelease(url)).rejects.toThrow(/checksums.txt of v[\d.]+ does not name/);
  });

  it('that is not there is a reason with the address and the status', async () => {
    await expect(fetchRelease(await releases({}))).rejects.toThrow(/checksums\.txt answered 404/);
  });

  it('is given up soon where the site does not answer', async () => {
    server = createServer(() => undefined);
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(fetchRelease(url, { connectTimeoutMs: 100 })).rejects.toThrow(/did not answer within 0.1 s/);
  });

  it('is not looked for where none is published', async () => {
    await expect(fetchRelease('http://127.0.0.1:9', { platform: 'darwin' })).rejects.toThrow(
      /publishes no binary for darwin/,
    );
  });
});

describe('a livekit-server to start', () => {
  const onPath = async (script: string) => {
    await mkdir(join(home, 'path'));
    await writeFile(join(home, 'path', 'livekit-server'), script);
    await chmod(join(home, 'path', 'livekit-server'), 0o755);
    vi.stubEnv('PATH', join(home, 'path'));
  };

  it('is the one on PATH when that is new enough', async () => {
    await onPath('#!/bin/sh\necho "livekit-server version 1.11.0"\n');
    expect(await getLivekitBinary(LIVEKIT_SERVER, { home })).toMatchObject({
      source: 'PATH',
      version: '1.11.0',
    });
  });

  it('is downloaded when the one on PATH is too old, and taken from the cache the next time', async () => {
    await onPath('#!/bin/sh\necho "livekit-server version 1.4.2"\n');
    const bytes = await archive();
    const releasesUrl = await releases({ [ARCHIVE]: bytes, 'checksums.txt': sums(bytes) });
    const steps: string[] = [];
    const first = await getLivekitBinary(LIVEKIT_SERVER, {
      home,
      releasesUrl,
      onStep: (step) => steps.push(step),
    });
    expect(first).toMatchObject({ source: 'downloaded', version: LIVEKIT_VERSION });
    expect(steps.join('\n')).toMatch(/\d+ (k?B) of \d+/);
    expect(await getLivekitBinary(LIVEKIT_SERVER, { home })).toEqual({ ...first, source: 'cache' });
  });

  it('that cannot be had is one error with the reason of each way and what to do', async () => {
    vi.stubEnv('PATH', home);
    const getting = getLivekitBinary(LIVEKIT_SERVER, { home, releasesUrl: await releases({}) });
    await expect(getting).rejects.toMatchObject({ code: 'CHARLA_LIVEKIT_NOT_INSTALLED' });
    const message = await getting.catch(String);
    for (const way of [
      'on PATH: not there',
      'in the cache: not there',
      'download: ',
      'go build: not there',
      'Docker: not there',
    ]) {
      expect(message).toContain(`  - ${way}`);
    }
    expect(message).toContain('answered 404');
    expect(message).toContain('install Go');
  });
});

describe('a livekit-sip to start', () => {
  const onPath = async (name: string, script: string) => {
    const folder = join(home, 'path');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, name), script);
    await chmod(join(folder, name), 0o755);
    vi.stubEnv('PATH', `${folder}:/usr/bin:/bin`);
  };

  it('is the one on PATH, whatever version it says that it has', async () => {
    await onPath('livekit-sip', '#!/bin/sh\necho "SIP version 0.0.0-dev"\n');
    expect(await getLivekitBinary(LIVEKIT_SIP, { home })).toMatchObject({
      source: 'PATH',
      command: 'livekit-sip',
    });
  });

  it('is built with Go, with its version in it, and taken from the cache the next time', async () => {
    const build = [
      'while [ $# -gt 0 ]; do',
      '  case "$1" in -o) out=$2;; -ldflags=*) flags=$1;; esac; shift',
      'done',
      '[ -z "$out" ] && exit 0',
      'echo "#!/bin/sh\necho SIP version $(echo "$flags" | sed s/.*=//)" > "$out"; chmod +x "$out"',
    ];
    await onPath('go', ['#!/bin/sh', ...build].join('\n'));
    const first = await getLivekitBinary(LIVEKIT_SIP, { home });
    expect(first).toMatchObject({ source: 'built', version: LIVEKIT_SIP.version });
    expect(await getLivekitBinary(LIVEKIT_SIP, { home })).toEqual({ ...first, source: 'cache' });
  });

  it('that cannot be had is one error that names the Debian packages, and looks for no release', async () => {
    vi.stubEnv('PATH', home);
    const getting = getLivekitBinary(LIVEKIT_SIP, { home });
    await expect(getting).rejects.toMatchObject({ code: 'CHARLA_LIVEKIT_SIP_NOT_INSTALLED' });
    const message = await getting.catch(String);
    expect(message).toContain('libopus-dev');
    expect(message).not.toContain('download');
  });
});

describe('the versions of LiveKit', () => {
  it.each([LIVEKIT_SERVER, LIVEKIT_SIP])('$name is the one that livekit/go.mod pins', async (program) => {
    const pins = await readFile('livekit/go.mod', 'utf8');
    expect(pins).toContain(`\t${program.goPackage}\n`);
    expect(pins).toContain(
      `github.com/livekit/${program === LIVEKIT_SIP ? 'sip' : 'livekit-server'} v${program.version} `,
    );
  });
});
