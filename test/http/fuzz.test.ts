import { createHash, randomInt, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { SignJWT } from 'jose';
import { AccessToken } from 'livekit-server-sdk';
import { Agent, request as httpRequest } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { participantToken } from '../../src/rooms/tokens.ts';
import { type ApiContract, apiContract, type Operation } from '../support/api-contract.ts';
import { numbered, started, turn } from '../support/call-events.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../support/livekit-server.ts';
import { logLines } from '../support/log-lines.ts';
import { arbitraryOf, junk, spoilt } from '../support/schema-arbitrary.ts';
import { buildTestServer } from '../support/test-server.ts';

/**
 * Every operation of the API document, called by everybody with what is almost right and with what is not right at all.
 * `FUZZ_SEED` repeats a run, `FUZZ_RUNS` (requests for each caller and operation) makes it longer.
 */
const SEED = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31));
const RUNS = Number(process.env.FUZZ_RUNS ?? 30);
/** An answer that has not come by then never comes. ms */
const HANGS = 20_000;
const ADMIN_KEY = 'a-key-of-the-fuzz-run';
const METRICS_KEY = 'a-key-for-metrics-alone';
const AUTH_SECRET = 'a-secret-of-the-integrator-of-the-fuzz-run';
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'] as const;

/** Somebody's conversation, with words in it that nobody else may ever see. */
interface Victim {
  id: string;
  callId: string;
  canaries: readonly string[];
  dataTools: unknown;
}
interface Sent {
  params: Readonly<Record<string, string>>;
  query: Readonly<Record<string, string>>;
  headers: Readonly<Record<string, string>>;
  body: string | Buffer | undefined;
}
interface Answer {
  status: number;
  headers: string;
  contentType: string | undefined;
  body: string;
}
interface Caller {
  name: string;
  headers: () => Record<string, string>;
  /** The sessions that it names. */
  ids: () => readonly string[];
  /** Whether it may see what is in the session of this id, or, without one, in any. */
  maySee: (id: string | undefined) => boolean;
  /** Whether it may see what is private in the session that is its own. */
  isPerson: boolean;
}

/** Name of the caller → status → how many answers had it. */
const answers: Record<string, Record<number, number>> = {};
const { lines, log } = logLines();
const http = new Agent({ headersTimeout: HANGS, bodyTimeout: HANGS, connections: 8 });
const victims: Victim[] = [];
const own = { id: '', token: '', userToken: '', agent: '', secret: `canary-own-${randomUUID()}` };
let livekit: TestLivekitServer;
let app: FastifyInstance;
let contract: ApiContract;
let base: string;
let pageRoot: string;

const byKey = () => ({ 'x-api-key': ADMIN_KEY });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const everybody = () => [...victims.flatMap(({ id, callId }) => [id, callId]), own.id];
const outsider = { ids: everybody, maySee: () => false, isPerson: true };
const READER = 'a server that reads';
const CALLERS: readonly Caller[] = [
  { ...outsider, name: 'nobody', headers: () => ({}) },
  { ...outsider, name: 'somebody with a wrong key', headers: () => ({ 'x-api-key': `${ADMIN_KEY}-not` }) },
  {
    ...outsider,
    name: 'somebody with a token that nobody signed',
    headers: () => bearer('eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.'),
  },
  { ...outsider, name: 'a server with a key for metrics', headers: () => ({ 'x-api-key': METRICS_KEY }) },
  { ...outsider, name: 'a person in another call', headers: () => bearer(own.token) },
  { ...outsider, name: 'another user', headers: () => bearer(own.userToken) },
  {
    name: 'an agent',
    headers: () => bearer(own.agent),
    ids: () => [own.id],
    maySee: () => false,
    isPerson: false,
  },
  {
    name: READER,
    headers: byKey,
    ids: everybody,
    maySee: (id) => id === undefined || everybody().includes(id),
    isPerson: false,
  },
  {
    name: 'a server',
    headers: byKey,
    ids: () => [own.id],
    maySee: (id) => id === undefined,
    isPerson: false,
  },
];

beforeAll(async () => {
  console.log(`FUZZ_SEED=${SEED} FUZZ_RUNS=${RUNS}`);
  livekit = await startLivekitServer();
  const config = testConfig(livekit, {
    // On loopback nothing else is closed.
    NODE_ENV: 'production',
    ADMIN_API_KEY: ADMIN_KEY,
    API_KEYS: `scraper:sha256:${createHash('sha256').update(METRICS_KEY).digest('hex')}:metrics`,
    AUTH_SECRET,
    RATE_LIMIT_PER_MINUTE: '0',
    TOKEN_RATE_LIMIT_PER_MINUTE: '0',
    LLM_PROVIDER: 'local',
  });
  // A page of its own: that of the repository may not be built.
  pageRoot = await mkdtemp(join(tmpdir(), 'charla-fuzz-'));
  await writeFile(join(pageRoot, 'index.html'), '<!doctype html>');
  app = await buildTestServer({ config, log, pageRoot });
  base = await app.listen({ host: '127.0.0.1', port: 0 });
  contract = apiContract(app.swagger());
  const agent = new AccessToken(config.LIVEKIT_API_KEY, config.LIVEKIT_API_SECRET, { identity: 'agent' });
  agent.addGrant({ agent: true });
  own.agent = await agent.toJwt();
  for (let index = 0; index < 3; index += 1) victims.push(await startVictim());
  await startOwn();
  own.userToken = await new SignJWT({ sub: 'own' })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(AUTH_SECRET));
  own.token = (await participantToken(config, { room: `charla-${own.id}`, identity: 'own' })).token;
});
afterAll(async () => {
  await http.close();
  await app?.close();
  await livekit?.stop();
  await rm(pageRoot, { recursive: true });
});

describe.each(CALLERS)('fuzzed by $name', (caller) => {
  it('no route fails, hangs, answers what it does not promise, or tells of others', async () => {
    const operations = contract.operations.filter(({ method }) => caller.name !== READER || method === 'GET');
    for (const operation of operations) {
      const property = fc.asyncProperty(sentTo(operation, caller), async (sent) => {
        if (caller.headers === byKey) await startOwnAgain();
        const answer = await send(operation.method, addressOf(operation, sent), {
          ...sent,
          headers: { ...sent.headers, ...caller.headers() },
        });
        check(operation, sent, answer, caller);
        answers[caller.name] = {
          ...answers[caller.name],
          [answer.status]: (answers[caller.name]?.[answer.status] ?? 0) + 1,
        };
      });
      await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: true });
    }
  }, 300_000);
});

it('what is sent gets past the checks often enough to reach what lies behind them', () => {
  console.table(answers);
  const ofServer = Object.entries(answers['a server'] ?? {});
  const sum = (counts: [string, number][]) => counts.reduce((total, [, count]) => total + count, 0);
  const good = sum(ofServer.filter(([status]) => status.startsWith('2')));
  expect(good / sum(ofServer)).toBeGreaterThan(0.2);
});

describe('fuzzed from outside the document', () => {
  it('a method that a path does not have is refused with a problem', async () => {
    for (const { path } of contract.operations) {
      const url = path.replaceAll(/\{\w+\}/g, own.id);
      for (const method of METHODS) {
        if (contract.operationOf(method, url) !== undefined) continue;
        const answer = await send(method, url, { headers: byKey() });
        expect(answer.status, `${method} ${url}`).toBeLessThan(500);
        if (method !== 'OPTIONS') expect(answer.status, `${method} ${url}`).toBeGreaterThanOrEqual(400);
        expect(breach(method, url, answer)).toBeUndefined();
      }
    }
  });

  it('paths of all kinds lead nowhere', async () => {
    const step = fc.oneof(
      fc.constantFrom(
        '..',
        '.',
        '%2e%2e',
        '%00',
        '%ff',
        '%',
        '%zz',
        'docs',
        'assets',
        'session',
        'sessions',
        '*',
        '',
      ),
      fc.string({ maxLength: 30 }).map(encodeURIComponent),
      fc.string({ minLength: 300, maxLength: 400 }).map(encodeURIComponent),
    );
    const property = fc.asyncProperty(fc.array(step, { maxLength: 5 }), async (steps) => {
      const url = `/${steps.join('/')}`;
      const answer = await send('GET', url, { headers: {} });
      expect(answer.status, url).toBeLessThan(500);
      expectNoCanary(answer, outsider, undefined);
      expect(breach('GET', url, answer)).toBeUndefined();
    });
    await fc.assert(property, { seed: SEED, numRuns: RUNS * 10, endOnFailure: true });
  }, 120_000);

  it('what is not HTTP brings no failure, and the server goes on', async () => {
    const junkLine = fc.oneof(
      fc.constantFrom(
        'GET / HTTP/9.9',
        'GET  /settings',
        'FOO /settings HTTP/1.1',
        'GET /settings\u0000 HTTP/1.1',
        'GET /session/\u00ff\u00fe/data-tools HTTP/1.1',
        'POST /session/start HTTP/1.1\r\nContent-Length: -1',
        'POST /session/start HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked',
        'POST /session/start HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz',
        'GET /settings HTTP/1.1\r\nX-Api-Key: \u0001\u0002',
        `GET /settings HTTP/1.1\r\nX-Long: ${'a'.repeat(70_000)}`,
      ),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    );
    const property = fc.asyncProperty(junkLine, async (line) => {
      const answer = await sendRaw(`${line}\r\n\r\n`);
      expect(answer, line).not.toMatch(/^HTTP\/1\.1 5/);
      if (/^HTTP\/1\.1 4/.test(answer)) expect(answer.toLowerCase()).toContain('application/problem+json');
    });
    await fc.assert(property, { seed: SEED, numRuns: RUNS * 4, endOnFailure: true });
    expect((await send('GET', '/settings', { headers: {} })).status).toBe(200);
  }, 120_000);

  it('afterwards everybody else is as they were, and no line of the log names them', async () => {
    for (const { id, dataTools } of victims) {
      const answer = await send('GET', `/session/${id}/data-tools`, { headers: byKey() });
      expect(JSON.parse(answer.body)).toEqual(dataTools);
    }
    const said = lines.join('');
    for (const canary of victims.flatMap(({ canaries }) => canaries)) expect(said).not.toContain(canary);
    expect(lines.filter((line) => /"level":(50|60)/.test(line))).toEqual([]);
  });
});

function sentTo(operation: Operation, caller: Caller): fc.Arbitrary<Sent> {
  const parameters = (where: string) => operation.parameters.filter((parameter) => parameter.in === where);
  const textOf = (schema: Readonly<Record<string, unknown>>) =>
    spoilt(arbitraryOf(schema, contract.schemas)).map((value) =>
      typeof value === 'string' ? value : (JSON.stringify(value) ?? ''),
    );
  const params = fc.record(
    Object.fromEntries(
      parameters('path').map(({ name, schema }) => [
        name,
        name === 'id'
          ? fc.oneof(
              {
                weight: 3,
                arbitrary: fc.nat().map((index) => caller.ids()[index % caller.ids().length] ?? ''),
              },
              { weight: 1, arbitrary: fc.oneof(fc.uuid(), textOf(schema)) },
            )
          : textOf(schema),
      ]),
    ),
    { noNullPrototype: true },
  );
  const query = fc.record(
    {
      ...Object.fromEntries(parameters('query').map(({ name, schema }) => [name, textOf(schema)])),
      unknown: textOf({}),
    },
    { requiredKeys: [], noNullPrototype: true },
  );
  const declared = parameters('header').map(({ name }) => name);
  const headers = fc.record(
    Object.fromEntries(
      [
        'if-match',
        'if-none-match',
        'accept',
        'x-request-id',
        'x-forwarded-for',
        'x-http-method-override',
        ...declared,
      ].map((name) => [name.toLowerCase(), headerValue]),
    ),
    { requiredKeys: [], noNullPrototype: true },
  );
  return fc
    .record({ params, query, headers, body: bodyOf(operation) })
    .map(({ body: { type, body }, ...rest }) => ({
      ...rest,
      headers: { ...rest.headers, ...(type !== undefined && { 'content-type': type }) },
      body,
    }));
}

const headerValue = fc.oneof(
  fc.constantFrom(
    '*',
    '"1"',
    '"1-public"',
    'W/"1"',
    '""',
    '"',
    '"999999999999999999999"',
    '"1", "2"',
    ',,,',
    '-1',
    'a'.repeat(2_000),
  ),
  fc.stringMatching(/^[\x21-\x7e]{1,40}$/),
);
const rawBody = fc.constantFrom<(string | Buffer)[]>(
  '',
  '{',
  'null',
  '[]',
  '"text"',
  '1e999',
  'NaN',
  '{"user_id": "a", "user_id": "b"}',
  '{"__proto__": {"admin": true}, "user_id": "a"}',
  '['.repeat(20_000),
  `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
  JSON.stringify({ user_id: 'a', data_tools: { text: 'x'.repeat(400_000) } }),
  Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  Buffer.from('\ufeff{"user_id": "a"}'),
);
const contentType = fc.constantFrom(
  'application/json; charset=utf-16',
  'application/merge-patch+json',
  'application/xml',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'text/plain',
  ';',
  'application/json, text/plain',
);

function bodyOf(
  operation: Operation,
): fc.Arbitrary<{ type: string | undefined; body: string | Buffer | undefined }> {
  const content = Object.entries(operation.requestBody?.content ?? {});
  const [type, schema] = content.map(([name, media]) => [name, media.schema] as const)[0] ?? [
    undefined,
    undefined,
  ];
  if (operation.method === 'GET') return fc.constant({ type: undefined, body: undefined });
  const value = schema === undefined ? junk : spoilt(arbitraryOf(schema, contract.schemas));
  const good = value.map((body) => ({ type: type ?? 'application/json', body: JSON.stringify(body) ?? '' }));
  const wrong = fc.record({
    type: fc.option(contentType, { nil: undefined }),
    body: fc.oneof(rawBody, fc.json()),
  });
  const broken = rawBody.map((body) => ({ type: 'application/json', body }));
  const none = fc.constant({ type: undefined, body: undefined });
  return schema === undefined
    ? fc.oneof({ weight: 4, arbitrary: none }, good, wrong, broken)
    : fc.oneof({ weight: 6, arbitrary: good }, wrong, broken, none);
}

function addressOf({ path }: Operation, { params, query }: Sent): string {
  const filled = path.replace(/\{(\w+)\}/g, (_whole, name: string) => encoded(params[name] ?? ''));
  const search = new URLSearchParams(query).toString();
  return search === '' ? filled : `${filled}?${search}`;
}

/** Half of a surrogate pair is nothing that an address can hold; nothing at all, or dots, would be another path. */
function encoded(text: string): string {
  if (text === '') return '%20';
  return encodeURIComponent(Buffer.from(text).toString()).replace(/^\.+$/, '%2e');
}

async function send(method: string, url: string, { headers, body }: Partial<Sent>): Promise<Answer> {
  const response = await httpRequest(`${base}${url}`, {
    // Undici's list of methods is shorter than what servers are sent.
    method: method as 'GET',
    headers: headers ?? {},
    body: body ?? null,
    dispatcher: http,
  });
  const text = await response.body.text();
  return {
    status: response.statusCode,
    headers: JSON.stringify(response.headers),
    contentType: response.headers['content-type']?.toString(),
    body: text,
  };
}

/** What a server says to bytes that are not HTTP, until it hangs up. */
async function sendRaw(bytes: string): Promise<string> {
  const { port } = new URL(base);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), '127.0.0.1', () => socket.end(bytes, 'latin1'));
    socket.setTimeout(HANGS, () =>
      socket.destroy(new Error(`no answer to ${JSON.stringify(bytes.slice(0, 200))}`)),
    );
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? resolve(answer) : reject(error),
    );
    socket.on('close', () => resolve(answer));
  });
}

function check(operation: Operation, sent: Sent, answer: Answer, caller: Caller): void {
  const url = addressOf(operation, sent);
  const what = `${caller.name}: ${operation.method} ${url}`;
  // The parts that /health looks at are not all there.
  if (operation.path !== '/health') expect(answer.status, `${what}\n${answer.body}`).toBeLessThan(500);
  expect(breach(operation.method, url, answer), what).toBeUndefined();
  expectNoCanary(answer, caller, sent.params.id);
}

function expectNoCanary(
  { body, headers }: Answer,
  { maySee, isPerson }: Pick<Caller, 'maySee' | 'isPerson'>,
  id: string | undefined,
): void {
  const shown = body + headers;
  if (isPerson) expect(shown).not.toContain(own.secret);
  for (const victim of victims) {
    if (maySee(id) && (id === undefined || id === victim.id || id === victim.callId)) continue;
    for (const canary of victim.canaries) expect(shown).not.toContain(canary);
  }
}

function breach(method: string, url: string, { status, contentType, body }: Answer): string | undefined {
  return contract.breach({ method, url, status, contentType, body });
}

async function startVictim(): Promise<Victim> {
  const canaries = ['user', 'public', 'private', 'said'].map((kind) => `canary-${kind}-${randomUUID()}`);
  const [user = '', shown = '', secret = '', said = ''] = canaries;
  const dataTools = { user_context: { name: shown }, private: { secret } };
  const id = await start({ user_id: user, data_tools: dataTools });
  const callId = randomUUID();
  const { status } = await send('POST', `/calls/${callId}/events`, {
    headers: { ...bearer(own.agent), 'content-type': 'application/json' },
    body: JSON.stringify({ events: numbered([started(id), turn('user', said)]) }),
  });
  expect(status).toBe(200);
  return { id, callId, canaries, dataTools };
}

async function startOwn(): Promise<void> {
  own.id = await start({ user_id: 'own', data_tools: { cart: ['a'], private: { secret: own.secret } } });
}

/** What a server does may end the session that everybody else is fuzzed with. */
async function startOwnAgain(): Promise<void> {
  const { body } = await send('GET', `/sessions/${own.id}`, { headers: byKey() });
  const { status } = z.object({ status: z.unknown() }).parse(JSON.parse(body));
  if (status !== 'created' && status !== 'active') await startOwn();
}

async function start(body: object): Promise<string> {
  const { body: answer } = await send('POST', '/session/start', {
    headers: { ...byKey(), 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return z.object({ session_id: z.string() }).parse(JSON.parse(answer)).session_id;
}
