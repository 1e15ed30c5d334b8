import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CharlaApi, createCharlaApi, RequestError } from '../../src/web/api/charla-api.ts';
import { en } from '../../src/web/i18n/en.ts';
import { es } from '../../src/web/i18n/es.ts';
import { describeProblem, problemText } from '../../src/web/state/problem.ts';

const session = {
  session_id: 's1',
  room: 'charla-s1',
  identity: 'u1',
  url: 'ws://127.0.0.1:1',
  token: 'secret',
};

describe("the page's client of the HTTP API", () => {
  let server: FastifyInstance;
  let api: CharlaApi;

  beforeEach(() => {
    server = Fastify({ forceCloseConnections: true });
  });
  afterEach(() => server.close());

  async function open(): Promise<void> {
    api = createCharlaApi(await server.listen({ host: '127.0.0.1', port: 0 }), 500);
  }

  async function failureOf(attempt: Promise<unknown>): Promise<RequestError> {
    const error = await attempt.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof RequestError)) throw new Error('no RequestError was thrown');
    return error;
  }

  it('reads the settings, and takes the default for what an older server does not send', async () => {
    server.get('/settings', () => ({ project_name: 'Tienda', frontend_theme: 'dark', language: 'en' }));
    await open();
    expect(await api.settings()).toEqual({
      project_name: 'Tienda',
      llm_model: '',
      language: 'en',
      auto_connect: true,
      enable_tools: true,
      frontend_theme: 'dark',
    });
  });

  it('starts a session with the user, the language and the data tools', async () => {
    let body: unknown;
    server.post('/session/start', (request, reply) => {
      body = request.body;
      return reply.code(201).send({ ...session, expires_at: 'later' });
    });
    await open();
    const started = await api.startSession({ userId: 'u1', language: 'es', dataTools: { a: 1 } });
    expect(started).toEqual(session);
    expect(body).toEqual({ user_id: 'u1', language: 'es', data_tools: { a: 1 } });
  });

  it('replaces data tools with the token of the session', async () => {
    const seen: unknown[] = [];
    server.put('/session/s1/data-tools', (request) => {
      seen.push(request.body, request.headers.authorization);
      return request.body;
    });
    await open();
    await api.replaceDataTools(session, { cart: ['laptop'] });
    expect(seen).toEqual([{ cart: ['laptop'] }, 'Bearer secret']);
  });

  it("gives the server's own sentence, and when to come back", async () => {
    server.post('/session/start', (_request, reply) =>
      reply
        .code(503)
        .headers({ 'retry-after': '7', 'content-type': 'application/problem+json' })
        .send(JSON.stringify({ title: 'LiveKit is not reachable', detail: 'Start livekit-server.' })),
    );
    await open();
    const error = await failureOf(api.startSession({ userId: 'u1', language: 'es' }));
    expect(describeProblem(error.problem, en)).toBe('Start livekit-server.');
    expect(error).toMatchObject({ status: 503, retryAfterMs: 7_000, isTransient: true });
  });

  it("tells of the server's errors in the language of the page", async () => {
    server.post('/session/start', (_request, reply) =>
      reply.code(503).send({ code: 'CHARLA_LIVEKIT_UNAVAILABLE', detail: 'Start livekit-server.' }),
    );
    await open();
    const { problem } = await failureOf(api.startSession({ userId: 'u1', language: 'es' }));
    expect(describeProblem(problem, es)).toBe(es.failure.CHARLA_LIVEKIT_UNAVAILABLE);
    expect(describeProblem(problem, en)).toBe(en.failure.CHARLA_LIVEKIT_UNAVAILABLE);
    expect(problemText(problem)).toBe('Start livekit-server.');
  });

  it('does not take a refusal for something that passes', async () => {
    server.post('/session/start', (_request, reply) => reply.code(400).send({ detail: 'Not an object.' }));
    await open();
    const error = await failureOf(api.startSession({ userId: 'u1', language: 'es' }));
    expect(error).toMatchObject({ status: 400, isTransient: false, retryAfterMs: undefined });
  });

  it('says that the server does not answer', async () => {
    server.get('/settings', () => new Promise(() => undefined));
    await open();
    const error = await failureOf(api.settings());
    expect(describeProblem(error.problem, en)).toBe(en.problem.network);
    expect(error.isTransient).toBe(true);
  });

  it('says that it does not understand an answer', async () => {
    server.post('/session/start', (_request, reply) => reply.code(201).send({ token: 4 }));
    server.get('/settings', (_request, reply) => reply.code(502).send('<html>'));
    await open();
    const strange = await failureOf(api.startSession({ userId: 'u1', language: 'es' }));
    expect(describeProblem(strange.problem, en)).toContain('201');
    const gateway = await failureOf(api.settings());
    expect(describeProblem(gateway.problem, en)).toContain('502');
  });
});
