import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { loadPrompts } from '../../src/agent/prompts.ts';
import { until } from '../cli/support.ts';
import { Caller } from '../support/caller.ts';
import { fixedModels, type StartSessionAnswer, startSession } from '../support/dev-stack.ts';
import { type FixedEngines, startFixedEngines } from '../support/fixed-engines.ts';
import { startPostgres, type TestPostgres } from '../support/postgres-server.ts';
import { type CharlaProcess, startCharla } from '../support/run-charla.ts';
import { callerSpeech } from '../support/speech.ts';

const prompts = loadPrompts('es');
const LONG_ANSWER =
  'En el panel tienes la bienvenida, el perfil, las notificaciones, los pagos y la seguridad. ' +
  'Después vienen las integraciones, los informes y el equipo, y con eso has terminado todo.';
const { livekitUrl, inferenceUrl } = inject('stack');

interface Turn {
  role: string;
  text: string;
  interrupted: boolean;
  interrupted_at_ms: number | null;
  latencies: Record<string, number>;
}
interface History {
  outcome: string | null;
  turns: Turn[];
  usage: { kind: string; requests: number }[];
}

let postgres: TestPostgres;
let engines: FixedEngines;
let home: string;
let env: Record<string, string>;
const servers: { url: string; process: CharlaProcess }[] = [];
let worker: CharlaProcess;
let caller: Caller | undefined;

beforeAll(async () => {
  [postgres, engines, home] = await Promise.all([
    startPostgres(),
    startFixedEngines({ answer: answerOf, transcript: () => '¿Qué me falta?' }),
    mkdtemp(join(tmpdir(), 'charla-two-servers-')),
  ]);
  env = {
    ...fixedModels(engines, livekitUrl, 'two-servers'),
    NODE_ENV: 'development',
    DATABASE_URL: postgres.url,
    CHARLA_HOME: home,
    LLM_MODEL: 'fixed',
  };
  const urls = [await serverUrl(), await serverUrl()];
  // Both at once: one of them makes the tables.
  servers.push(...urls.map((url) => ({ url, process: serve(url) })));
  worker = startCharla('worker', {
    ...env,
    API_URL: urls.join(','),
    WORKER_PORT: String(await getPort()),
    WORKER_METRICS_PORT: String(await getPort()),
  });
  await Promise.all(urls.map(answers));
  await until(() => worker.output().includes('"msg":"registered"'));
});
afterEach(async () => {
  await caller?.hangUp();
  caller = undefined;
});
afterAll(async () => {
  await Promise.all([worker, ...servers.map(({ process }) => process)].map((one) => one?.end()));
  await postgres?.remove();
  await engines?.close();
  if (home !== undefined) await rm(home, { recursive: true });
});

/** The model says what its instructions say that the cart has. */
function answerOf(messages: { role: string; content: string }[]): string {
  const question = messages.at(-1)?.content ?? '';
  if (question.includes('falta')) return LONG_ANSWER;
  const system = messages.find(({ role }) => role === 'system')?.content ?? '';
  return system.includes('teclado') ? 'Tienes un teclado.' : 'Tienes una laptop.';
}

async function serverUrl(): Promise<string> {
  return `http://127.0.0.1:${await getPort()}`;
}

function serve(url: string): CharlaProcess {
  return startCharla('serve', { ...env, PORT: new URL(url).port });
}

async function answers(url: string): Promise<void> {
  await until(() =>
    fetch(`${url}/settings`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
}

async function call(url: string): Promise<{ caller: Caller; session: StartSessionAnswer }> {
  const session = await startSession(url, {
    user_id: 'ana',
    data_tools: { user_context: { name: 'Ana' }, cart_data: { items: ['laptop'] } },
  });
  caller = await Caller.join(session);
  await caller.greeted();
  return { caller, session };
}

/** The history of a session's only call, once it has ended. */
async function historyOf(url: string, { session_id }: StartSessionAnswer): Promise<History> {
  const read = async (path: string) => (await fetch(`${url}${path}`)).json();
  let id: string | undefined;
  await expect
    .poll(
      async () => {
        const { items } = (await read(`/calls?session_id=${session_id}`)) as {
          items: { id: string; outcome: string | null }[];
        };
        id = items[0]?.id;
        return items.map(({ outcome }) => outcome);
      },
      { timeout: 90_000, interval: 500 },
    )
    .toEqual(['participant_disconnected']);
  return (await read(`/calls/${id}`)) as History;
}

async function statusOf(url: string, { session_id }: StartSessionAnswer): Promise<string> {
  return ((await (await fetch(`${url}/sessions/${session_id}`)).json()) as { status: string }).status;
}

const said = ({ turns }: History) => turns.map(({ role, text }) => `${role}: ${text}`);
const greeting = `assistant: ${prompts.greeting('Ana')}`;

describe('a call while its servers come and go', () => {
  it('has every turn in its history as it was heard, with its times, an interrupted answer up to there', async () => {
    const [first] = servers;
    const { caller, session } = await call(first?.url ?? '');
    const [question, over] = await Promise.all(
      ['¿Qué pasos me falta completar?', 'Espera un momento.'].map((text) =>
        callerSpeech(inferenceUrl, text),
      ),
    );
    const askedAt = await caller.say(question ?? new Int16Array());
    const began = await caller.until(() => caller.firstSoundAfter(askedAt), 30_000, 'the answer');
    await caller.until(() => performance.now() - began > 1_500, 5_000, 'some of the answer to be heard');
    const captionsBefore = caller.captions.length;
    await caller.listen(await caller.say(over ?? new Int16Array()), captionsBefore);
    await caller.hangUp();

    const history = await historyOf(first?.url ?? '', session);
    expect(said(history)[0]).toBe(greeting);
    const [, asked, cut, again, answer] = history.turns;
    expect(asked).toMatchObject({
      role: 'user',
      text: '¿Qué me falta?',
      latencies: { stt_ms: expect.any(Number), end_of_turn_ms: expect.any(Number) },
    });
    expect(cut).toMatchObject({
      role: 'assistant',
      interrupted: true,
      latencies: {
        llm_first_token_ms: expect.any(Number),
        tts_first_audio_ms: expect.any(Number),
        voice_to_voice_ms: expect.any(Number),
        barge_in_ms: expect.any(Number),
      },
    });
    expect(LONG_ANSWER.startsWith(cut?.text.trim() ?? 'nothing')).toBe(true);
    expect(cut?.text.length).toBeLessThan(LONG_ANSWER.length);
    expect(cut?.text.length).toBeGreaterThan(5);
    expect(cut?.interrupted_at_ms).toBeGreaterThan(1_000);
    expect([again?.role, answer?.text, answer?.interrupted]).toEqual(['user', LONG_ANSWER, false]);
    expect(history.turns).toHaveLength(5);
    for (const kind of ['stt', 'llm', 'tts']) {
      expect(history.usage.find((usage) => usage.kind === kind)?.requests).toBeGreaterThan(0);
    }
    expect(await statusOf(first?.url ?? '', session)).toBe('ended');
  });

  it('goes on when its database stops, and has every turn once it is back', async () => {
    const [first] = servers;
    const { caller, session } = await call(first?.url ?? '');
    const expected = [greeting];
    const ask = async (question: string, answer: string) => {
      expect((await caller.type(question)).text).toBe(answer);
      expected.push(`user: ${question}`, `assistant: ${answer}`);
    };
    await ask('¿Qué hay en el carrito? Uno.', 'Tienes una laptop.');
    await postgres.stop();
    await ask('¿Y ahora? Dos.', 'Tienes una laptop.');
    await ask('¿Y ahora? Tres.', 'Tienes una laptop.');
    await expect.poll(journals, { timeout: 30_000 }).toHaveLength(1);
    await ask('¿Y ahora? Cuatro.', 'Tienes una laptop.');
    await postgres.start();
    await expect.poll(journals, { timeout: 60_000 }).toEqual([]);
    await ask('¿Y ahora? Cinco.', 'Tienes una laptop.');
    await caller.hangUp();
    expect(said(await historyOf(first?.url ?? '', session))).toEqual(expected);
    expect(await statusOf(first?.url ?? '', session)).toBe('ended');
  });

  it('is changed on one server, outlives the other one’s kill -9, and loses nothing', async () => {
    const [first, second] = servers;
    if (first === undefined || second === undefined) throw new Error('two servers are needed');
    const { caller, session } = await call(first.url);
    expect((await caller.type('¿Qué hay en el carrito?')).text).toBe('Tienes una laptop.');
    const patch = await fetch(`${second.url}/session/${session.session_id}/data-tools`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ cart_data: { items: ['teclado'] } }),
    });
    expect(patch.status).toBe(200);
    expect((await caller.type('¿Y ahora?')).text).toBe('Tienes un teclado.');
    await first.process.end('SIGKILL');
    expect((await caller.type('¿Seguro?')).text).toBe('Tienes un teclado.');
    await caller.hangUp();

    expect(said(await historyOf(second.url, session))).toEqual([
      greeting,
      'user: ¿Qué hay en el carrito?',
      'assistant: Tienes una laptop.',
      'user: ¿Y ahora?',
      'assistant: Tienes un teclado.',
      'user: ¿Seguro?',
      'assistant: Tienes un teclado.',
    ]);
    expect(await statusOf(second.url, session)).toBe('ended');
  });

  it('whose servers are all gone when it ends is delivered by the worker once one is back', async () => {
    const [, second] = servers;
    if (second === undefined) throw new Error('a second server is needed');
    const { caller, session } = await call(second.url);
    expect((await caller.type('¿Qué hay en el carrito?')).text).toBe('Tienes una laptop.');
    await second.process.end('SIGKILL');
    expect((await caller.type('¿Y ahora?')).text).toBe('Tienes una laptop.');
    await caller.hangUp();
    await expect.poll(journals, { timeout: 60_000 }).toHaveLength(1);
    second.process = serve(second.url);
    await answers(second.url);
    expect(said(await historyOf(second.url, session))).toEqual([
      greeting,
      'user: ¿Qué hay en el carrito?',
      'assistant: Tienes una laptop.',
      'user: ¿Y ahora?',
      'assistant: Tienes una laptop.',
    ]);
    expect(await journals()).toEqual([]);
  });
});

/** Files of calls that no server has taken yet. */
async function journals(): Promise<string[]> {
  const names = await readdir(join(home, 'journal'), { recursive: true }).catch(() => []);
  return names.filter((name) => name.endsWith('.jsonl'));
}
