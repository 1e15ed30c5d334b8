import { readdir, readFile, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { downloadFile, HTTPS_TIMEOUTS } from '../../../src/inference/fetch/https-file.ts';
import { serve, sha256, temporaryFolder } from '../support.ts';

const CONTENT = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));

interface Download {
  /** What was asked for, one entry a request. */
  ranges: (string | undefined)[];
  progress: number[];
  target: string;
  folder: string;
  run: (options?: { signal?: AbortSignal }) => Promise<void>;
}

/** A download of CONTENT from a server that answers as the test says. */
async function download(
  answer: RequestListener,
  {
    pinned = sha256(CONTENT),
    timeouts = {},
  }: { pinned?: string; timeouts?: Partial<typeof HTTPS_TIMEOUTS> } = {},
): Promise<Download> {
  const folder = await temporaryFolder();
  const target = join(folder, 'model.bin');
  const ranges: Download['ranges'] = [];
  const progress: number[] = [];
  const { url } = await serve((request, response) => {
    ranges.push(request.headers.range);
    answer(request, response);
  });
  const file = { path: 'model.bin', url: `${url}/models/model.bin`, bytes: CONTENT.length, sha256: pinned };
  const run: Download['run'] = ({ signal } = {}) =>
    downloadFile(
      file,
      target,
      { onBytes: (received) => progress.push(received), onVerify: () => undefined, signal },
      { ...HTTPS_TIMEOUTS, ...timeouts },
    );
  return { ranges, progress, target, folder, run };
}

/** Serves ranges, as every publisher does. */
const wholeOrRange: RequestListener = (request, response) => {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (from > 0) response.setHeader('content-range', `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}`);
  response.writeHead(from > 0 ? 206 : 200).end(CONTENT.subarray(from));
};

test('a file is there under its name once it is whole, and its progress was told', async () => {
  const { run, target, progress, folder } = await download(wholeOrRange);
  await run();
  expect(await readFile(target)).toEqual(CONTENT);
  expect(await readdir(folder)).toEqual(['model.bin']);
  expect(progress.at(0)).toBe(0);
  expect(progress.at(-1)).toBe(CONTENT.length);
});

test('what an earlier attempt left is continued', async () => {
  const { run, target, ranges, progress } = await download(wholeOrRange);
  await writeFile(`${target}.part`, CONTENT.subarray(0, 60_000));
  await run();
  expect(await readFile(target)).toEqual(CONTENT);
  expect(ranges).toEqual(['bytes=60000-']);
  expect(progress.at(0)).toBe(60_000);
});

test('a connection that is cut on the way is taken up again by itself', async () => {
  const { run, target, ranges } = await download((request, response) => {
    if (request.headers.range !== undefined) return wholeOrRange(request, response);
    response.writeHead(200, { 'content-length': CONTENT.length });
    response.write(CONTENT.subarray(0, 40_000), () => setTimeout(() => response.destroy(), 50));
  });
  await run();
  expect(await readFile(target)).toEqual(CONTENT);
  expect(ranges).toEqual([undefined, 'bytes=40000-']);
});

test('a server that knows no ranges is asked for the whole, which replaces the part', async () => {
  const { run, target } = await download((_, response) => response.end(CONTENT));
  await writeFile(`${target}.part`, Buffer.alloc(60_000, 1));
  await run();
  expect(await readFile(target)).toEqual(CONTENT);
});

test('a part that belongs to another file is found out and fetched anew', async () => {
  const { run, target, ranges } = await download(wholeOrRange);
  await writeFile(`${target}.part`, Buffer.alloc(60_000, 1));
  await run();
  expect(await readFile(target)).toEqual(CONTENT);
  expect(ranges).toEqual(['bytes=60000-', undefined]);
});

test('a redirect to a mirror is followed', async () => {
  const { run, target } = await download((request, response) => {
    if (request.url === '/mirror') return wholeOrRange(request, response);
    response.writeHead(302, { location: '/mirror' }).end();
  });
  await run();
  expect(await readFile(target)).toEqual(CONTENT);
});

test('a file with another hash is refused, and nothing of it stays', async () => {
  const { run, folder } = await download(wholeOrRange, { pinned: sha256('another') });
  await expect(run()).rejects.toThrow(`sends another file than the known one (sha256 ${sha256(CONTENT)})`);
  expect(await readdir(folder)).toEqual([]);
});

test('a file that is too short or too long is refused', async () => {
  const short = await download((_, response) => response.end(CONTENT.subarray(1)));
  await expect(short.run()).rejects.toThrow('sends 99999 bytes instead of 100000');
  const long = await download((_, response) => response.end(Buffer.concat([CONTENT, CONTENT])));
  await expect(long.run()).rejects.toThrow('sends more than 100000 bytes');
});

test('a refusal is told with its status and path, and is not repeated', async () => {
  const { run, ranges } = await download((_, response) => response.writeHead(404).end());
  await expect(run()).rejects.toThrow('answers 404 for /models/model.bin');
  expect(ranges).toHaveLength(1);
});

test('a server that goes silent in the middle is given up', async () => {
  const { run } = await download(
    (request, response) => {
      if (request.headers.range !== undefined) return;
      response.writeHead(200, { 'content-length': CONTENT.length }).write(CONTENT.subarray(0, 10));
    },
    { timeouts: { stallMs: 200, answerMs: 200 } },
  );
  await expect(run()).rejects.toThrow('does not answer in time');
});

test('a server that never answers is given up', async () => {
  const { run } = await download(() => undefined, { timeouts: { answerMs: 200 } });
  await expect(run()).rejects.toThrow('does not answer in time');
});

test('a refused connection and an unknown host fail at once with the reason', async () => {
  const target = join(await temporaryFolder(), 'model.bin');
  const options = { onBytes: () => undefined, onVerify: () => undefined };
  const file = { path: 'model.bin', bytes: 1, sha256: '' };
  const refused = downloadFile({ ...file, url: 'http://127.0.0.1:1/model.bin' }, target, options);
  await expect(refused).rejects.toThrow('refuses the connection');
  const unknown = downloadFile({ ...file, url: 'http://models.invalid/model.bin' }, target, options);
  await expect(unknown).rejects.toThrow('is not known here (no internet?)');
});

test('a download that is aborted stops with the reason and keeps its part', async () => {
  const abort = new AbortController();
  const { run, target } = await download((_, response) => {
    response.writeHead(200, { 'content-length': CONTENT.length });
    response.write(CONTENT.subarray(0, 40_000), () => setTimeout(() => abort.abort(new Error('stop')), 100));
  });
  await expect(run({ signal: abort.signal })).rejects.toThrow('stop');
  expect(await readFile(`${target}.part`)).toEqual(CONTENT.subarray(0, 40_000));
});
