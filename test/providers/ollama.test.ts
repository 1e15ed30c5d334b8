import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { type OllamaProgress, prepareOllama } from '../../src/providers/llm/ollama.ts';
import { createLogger } from '../../src/telemetry/log.ts';

const log = createLogger('test', 'silent');

let app: FastifyInstance;
afterEach(() => app.close());

/** Answers as Ollama's `docs/api.md` shows. Its library has two models; downloads come in two layers. */
async function startOllama(
  installed: string[],
): Promise<{ host: string; asked: Array<{ path: string; body: unknown }> }> {
  const asked: Array<{ path: string; body: unknown }> = [];
  const library = ['llama3.2:1b', 'qwen3:latest'];
  app = Fastify({ forceCloseConnections: true });
  app.addHook('preHandler', async ({ url, body }) => {
    asked.push({ path: url, body });
  });
  app.get('/api/tags', async () => ({
    models: installed.map((name) => ({ name, model: name, size: 1, digest: 'd', details: {} })),
  }));
  app.post<{ Body: { name: string } }>('/api/pull', async ({ body }, reply) => {
    const name = body.name.includes(':') ? body.name : `${body.name}:latest`;
    const lines: object[] = [{ status: 'pulling manifest' }];
    if (library.includes(name)) {
      installed.push(name);
      lines.push(
        { status: 'pulling aa', digest: 'sha256:aa', total: 300 },
        { status: 'pulling aa', digest: 'sha256:aa', total: 300, completed: 150 },
        { status: 'pulling aa', digest: 'sha256:aa', total: 300, completed: 300 },
        { status: 'pulling bb', digest: 'sha256:bb', total: 100, completed: 100 },
        { status: 'verifying sha256 digest' },
        { status: 'writing manifest' },
        { status: 'success' },
      );
    } else {
      lines.push({ error: 'pull model manifest: file does not exist' });
    }
    reply.type('application/x-ndjson');
    return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  });
  app.post<{ Body: { model: string } }>('/api/generate', async ({ body }, reply) => {
    if (body.model === 'broken:1b')
      return reply.code(500).send({ error: 'model requires more system memory' });
    return {
      model: body.model,
      created_at: '2026-01-01T00:00:00Z',
      response: '',
      done: true,
      done_reason: 'load',
    };
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return { host: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`, asked };
}

describe('an Ollama made ready', () => {
  it('brings an installed model into memory, for half an hour', async () => {
    const { host, asked } = await startOllama(['llama3.2:1b']);
    await prepareOllama({ host, model: 'llama3.2:1b', log });
    expect(asked.map((one) => one.path)).toEqual(['/api/tags', '/api/generate']);
    expect(asked[1]?.body).toMatchObject({
      model: 'llama3.2:1b',
      prompt: '',
      keep_alive: '30m',
      stream: false,
    });
  });

  it('downloads a missing model first, and says how far it is', async () => {
    const { host, asked } = await startOllama([]);
    const progress: OllamaProgress[] = [];
    await prepareOllama({ host, model: 'llama3.2:1b', log, onProgress: (one) => progress.push(one) });
    expect(asked.map((one) => one.path)).toEqual(['/api/tags', '/api/pull', '/api/generate']);
    expect(progress.map((one) => [one.completed, one.total])).toEqual([
      [0, 0],
      [0, 300],
      [150, 300],
      [300, 300],
      [400, 400],
      [400, 400],
      [400, 400],
      [400, 400],
    ]);
    expect(progress.at(-1)?.status).toBe('success');
  });

  it('knows a name without a tag as the latest', async () => {
    const { host, asked } = await startOllama(['qwen3:latest']);
    await prepareOllama({ host, model: 'qwen3', log });
    expect(asked.map((one) => one.path)).toEqual(['/api/tags', '/api/generate']);
  });

  it('says that there is no such model', async () => {
    const { host } = await startOllama([]);
    await expect(prepareOllama({ host, model: 'nope', log })).rejects.toMatchObject({
      code: 'CHARLA_OLLAMA_MODEL',
      message: expect.stringMatching(/nope: pull model manifest: file does not exist.*LLM_MODEL/),
    });
  });

  it('says why a model cannot be loaded', async () => {
    const { host } = await startOllama(['broken:1b']);
    await expect(prepareOllama({ host, model: 'broken:1b', log })).rejects.toMatchObject({
      code: 'CHARLA_OLLAMA_MODEL',
      message: expect.stringContaining('more system memory'),
    });
  });

  it('says that nobody answers, and what to do', async () => {
    const { host } = await startOllama([]);
    await app.close();
    await expect(prepareOllama({ host, model: 'llama3.2:1b', log })).rejects.toMatchObject({
      code: 'CHARLA_OLLAMA_UNAVAILABLE',
      message: expect.stringMatching(/ECONNREFUSED.*ollama serve/),
    });
  });
});
