import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CharlaError } from '../../src/errors.ts';
import type { HttpsSource, Model } from '../../src/inference/catalogue.ts';
import { ModelStore, type PullProgress } from '../../src/inference/model-store.ts';
import { serve, sha256, temporaryFolder } from './support.ts';

/** A publisher whose files are `/<name>` with the text «content of <name>». */
async function publisher(answer?: RequestListener) {
  const asked: string[] = [];
  const { url } = await serve((request, response) => {
    asked.push(request.url ?? '');
    if (answer) return answer(request, response);
    response.end(`content of ${request.url?.slice(1)}`);
  });
  const source = (label: string, ...paths: string[]): HttpsSource => ({
    kind: 'https',
    label,
    files: paths.map((path) => ({
      path,
      url: `${url}/${path}`,
      bytes: `content of ${path}`.length,
      sha256: sha256(`content of ${path}`),
    })),
  });
  return { asked, source };
}

const gone: RequestListener = (_, response) => response.writeHead(404).end();
const lies: RequestListener = (request, response) => response.end(`CONTENT OF ${request.url?.slice(1)}`);

function modelOf(...parts: HttpsSource[][]): Model {
  return {
    id: 'test-voice',
    job: 'tts',
    engine: 'kokoro',
    name: 'Test voice',
    languages: ['es'],
    licence: 'CC0-1.0',
    home: 'https://example.org',
    default: true,
    revision: 1,
    parts: parts.map((sources) => ({ sources })),
  };
}

async function storeOf(model: Model, home?: string) {
  const directory = home ?? (await temporaryFolder());
  return { home: directory, store: new ModelStore({ home: directory, catalogue: [model] }) };
}

describe('pulling', () => {
  test('a model is a directory with the files of all its parts', async () => {
    const { source } = await publisher();
    const { store, home } = await storeOf(
      modelOf([source('weights', 'model.onnx')], [source('voices', 'voices/dora.bin', 'voices/alex.bin')]),
    );
    expect(await store.path('test-voice')).toBeUndefined();
    const directory = await store.pull('test-voice');
    expect(directory).toBe(join(home, 'models/test-voice'));
    expect(await store.path('test-voice')).toBe(directory);
    expect(await readFile(join(directory, 'model.onnx'), 'utf8')).toBe('content of model.onnx');
    expect(await readdir(join(directory, 'voices'))).toEqual(['alex.bin', 'dora.bin']);
    expect(await readdir(join(home, 'models/.partial'))).toEqual([]);
  });

  test('a model that is here is not asked for again', async () => {
    const { source, asked } = await publisher();
    const { store } = await storeOf(modelOf([source('weights', 'model.onnx')]));
    await store.pull('test-voice');
    await store.pull('test-voice');
    expect(asked).toEqual(['/model.onnx']);
  });

  test('sources are tried in turn until one gives what is expected', async () => {
    const [first, second, third] = [await publisher(gone), await publisher(lies), await publisher()];
    const { store } = await storeOf(
      modelOf([
        first.source('first', 'model.onnx'),
        second.source('second', 'model.onnx'),
        third.source('third', 'model.onnx'),
      ]),
    );
    await store.pull('test-voice');
    expect([first.asked, second.asked, third.asked].map((asked) => asked.length)).toEqual([1, 1, 1]);
    expect((await store.list())[0]?.sources).toEqual(['third']);
  });

  test('when all sources fail, all reasons are told together with the ways out', async () => {
    const [first, second] = [await publisher(gone), await publisher(lies)];
    const { store, home } = await storeOf(
      modelOf([first.source('the publisher', 'model.onnx'), second.source('the registry', 'model.onnx')]),
    );
    const failure = await store.pull('test-voice').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CharlaError);
    expect(failure).toMatchObject({ code: 'CHARLA_MODEL_UNAVAILABLE', status: 503 });
    expect(String(failure)).toContain('  - the publisher answers 404 for /model.onnx\n');
    expect(String(failure)).toContain('  - the registry sends another file than the known one');
    expect(String(failure)).toContain('run `npm run charla -- models pull test-voice`, or set TTS_BASE_URL');
    expect(await readdir(join(home, 'models'))).not.toContain('test-voice');
  });

  test('an interrupted pull goes on with the parts that are missing', async () => {
    const [weights, broken, voices] = [await publisher(), await publisher(gone), await publisher()];
    const part = [weights.source('weights', 'model.onnx')];
    const first = await storeOf(modelOf(part, [broken.source('voices', 'dora.bin')]));
    await expect(first.store.pull('test-voice')).rejects.toThrow('answers 404');
    expect((await first.store.list())[0]?.state).toBe('partial');
    const second = await storeOf(modelOf(part, [voices.source('voices', 'dora.bin')]), first.home);
    await second.store.pull('test-voice');
    expect(weights.asked).toEqual(['/model.onnx']);
    expect((await second.store.list())[0]?.state).toBe('ready');
  });

  test('two pulls at once fetch once, and the second says that it waits', async () => {
    const { source, asked } = await publisher((request, response) => {
      setTimeout(() => response.end(`content of ${request.url?.slice(1)}`), 300);
    });
    const model = modelOf([source('weights', 'model.onnx')]);
    const { store, home } = await storeOf(model);
    const other = new ModelStore({ home, catalogue: [model] });
    const phases: PullProgress['phase'][] = [];
    const onProgress = ({ phase }: PullProgress) => phases.push(phase);
    const both = await Promise.all([
      store.pull('test-voice', { onProgress }),
      other.pull('test-voice', { onProgress }),
    ]);
    expect(both[0]).toBe(both[1]);
    expect(asked).toEqual(['/model.onnx']);
    expect(phases).toContain('wait');
  });

  test('progress names model, phase, source and bytes', async () => {
    const { source } = await publisher();
    const { store } = await storeOf(modelOf([source('weights', 'model.onnx')]));
    const events: PullProgress[] = [];
    await store.pull('test-voice', { onProgress: (progress) => events.push(progress) });
    const common = { model: 'test-voice', source: 'weights', totalBytes: 21 };
    expect(events[0]).toEqual({ ...common, phase: 'download', receivedBytes: 0 });
    expect(events.at(-2)).toEqual({ ...common, phase: 'download', receivedBytes: 21 });
    expect(events.at(-1)).toEqual({ ...common, phase: 'verify', receivedBytes: 21 });
  });

  test('an aborted pull ends with the reason, and the model can be pulled afterwards', async () => {
    const abort = new AbortController();
    const { source } = await publisher((request, response) => {
      if (abort.signal.aborted) response.end(`content of ${request.url?.slice(1)}`);
      else abort.abort(new Error('stopped by hand'));
    });
    const { store } = await storeOf(modelOf([source('weights', 'model.onnx')]));
    await expect(store.pull('test-voice', { signal: abort.signal })).rejects.toThrow('stopped by hand');
    expect(await store.pull('test-voice')).toMatch(/test-voice$/);
  });
});

describe('what is here', () => {
  test('a model with a file that was cut or lost is not ready, and is fetched anew', async () => {
    const { source } = await publisher();
    const { store } = await storeOf(modelOf([source('weights', 'model.onnx', 'dora.bin')]));
    const directory = await store.pull('test-voice');
    await writeFile(join(directory, 'model.onnx'), 'cont');
    expect(await store.path('test-voice')).toBeUndefined();
    await store.pull('test-voice');
    await rm(join(directory, 'dora.bin'));
    expect(await store.path('test-voice')).toBeUndefined();
    expect(await store.pull('test-voice')).toBe(directory);
    expect(await readdir(directory)).toContain('dora.bin');
  });

  test('a model of an older revision is not ready', async () => {
    const { source } = await publisher();
    const model = modelOf([source('weights', 'model.onnx')]);
    const { store, home } = await storeOf(model);
    await store.pull('test-voice');
    const newer = await storeOf({ ...model, revision: 2 }, home);
    expect(await newer.store.path('test-voice')).toBeUndefined();
    await newer.store.pull('test-voice');
    expect(await newer.store.path('test-voice')).toBeDefined();
  });

  test('a directory that somebody made by hand is not taken for a model', async () => {
    const { store, home } = await storeOf(modelOf([(await publisher()).source('weights', 'model.onnx')]));
    await mkdir(join(home, 'models/test-voice'), { recursive: true });
    await writeFile(join(home, 'models/test-voice/model.onnx'), 'content of model.onnx');
    expect(await store.path('test-voice')).toBeUndefined();
  });

  test('a removed model is gone, and removing it again says that it was not here', async () => {
    const { source } = await publisher();
    const { store } = await storeOf(modelOf([source('weights', 'model.onnx')]));
    await store.pull('test-voice');
    expect(await store.remove('test-voice')).toBe(true);
    expect(await store.list()).toMatchObject([{ state: 'absent', bytes: 0, sources: [] }]);
    expect(await store.remove('test-voice')).toBe(false);
  });

  test('a model that the catalogue does not have is refused', async () => {
    const { store } = await storeOf(modelOf());
    for (const asked of [store.path('nope'), store.pull('nope'), store.remove('nope')]) {
      await expect(asked).rejects.toMatchObject({ code: 'CHARLA_MODEL_UNKNOWN' });
    }
  });
});
