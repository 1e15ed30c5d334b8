import { z } from 'zod';
import { type Config, inferenceBaseUrl } from '../config/config.ts';
import { CharlaError, messageOf } from '../errors.ts';
import { type Endpoint, needsInference, resolveProviders } from '../providers/resolve.ts';
import type { LiveKit } from '../rooms/livekit.ts';
import { isWritable } from '../store/is-writable.ts';
import type { Store } from '../store/store.ts';

const PROBE_TIMEOUT_MS = 2_000;
const FRESH_FOR_MS = 1_000;
/** Listing a room of this name asks livekit-server for an answer that needs our key and costs nothing. */
const PROBE_ROOM = 'charla-health-probe';

export const healthSchema = z.object({
  status: z.enum(['ok', 'degraded']),
  components: z.record(
    z.enum(['store', 'livekit', 'inference', 'worker', 'llm', 'stt', 'tts']),
    z.object({
      /**
       * `refused`: it answers, and does not take our key. `unused`: the configuration does not need it. `unknown`: it
       * may run where we cannot ask it, and does not count.
       */
      state: z.enum(['ok', 'down', 'refused', 'unused', 'unknown']),
      detail: z.string().optional(),
      latencyMs: z.number().optional(),
    }),
  ),
});

export type Health = z.output<typeof healthSchema>;
export type ComponentHealth = Health['components'][keyof Health['components']];
type Finding = Pick<ComponentHealth, 'state' | 'detail'>;

/**
 * Asks every component whether it works, all at once, each at most 2 s.
 *
 * @returns a function; its answer is at most a second old, however often it is called
 */
export function createHealthCheck(config: Config, store: Store, livekit: LiveKit): () => Promise<Health> {
  let last: { health: Promise<Health>; at: number } | undefined;
  return () => {
    if (last === undefined || Date.now() - last.at > FRESH_FOR_MS) {
      last = { health: checkAll(config, store, livekit), at: Date.now() };
    }
    return last.health;
  };
}

async function checkAll(config: Config, store: Store, livekit: LiveKit): Promise<Health> {
  const inference = () => probeInference(config);
  const [storeHealth, livekitHealth, worker, models] = await Promise.all([
    timed(() => probeStore(store)),
    timed(() => probeLiveKit(livekit)),
    timed(() => probeWorker(config)),
    probeModels(config, inference),
  ]);
  const components = { store: storeHealth, livekit: livekitHealth, worker, ...models };
  const works = Object.values(components).every(({ state }) => state !== 'down' && state !== 'refused');
  return { status: works ? 'ok' : 'degraded', components };
}

async function probeStore(store: Store): Promise<Finding> {
  try {
    if (await store.query(isWritable)) return { state: 'ok' };
    return {
      state: 'down',
      detail: `The database at ${store.address} takes no writes: its disk is full, or it is a standby.`,
    };
  } catch (error) {
    return { state: 'down', detail: messageOf(error) };
  }
}

async function probeLiveKit(livekit: LiveKit): Promise<Finding> {
  try {
    await livekit.request(({ rooms }) => rooms.listRooms([PROBE_ROOM]), { idempotent: true });
    return { state: 'ok' };
  } catch (error) {
    const refused = error instanceof CharlaError && error.code === 'CHARLA_LIVEKIT_UNAUTHORIZED';
    return { state: refused ? 'refused' : 'down', detail: messageOf(error) };
  }
}

/**
 * The framework answers `/` with 200 while the worker is registered with livekit-server, and 503 while it is not. It
 * listens on loopback only, and livekit-server tells nobody which workers it has: outside development, where workers
 * run on machines of their own, no answer says nothing.
 */
async function probeWorker({ WORKER_PORT, NODE_ENV }: Config): Promise<Finding> {
  const url = `http://127.0.0.1:${WORKER_PORT}`;
  const response = await get(`${url}/`);
  if (response === undefined) {
    return NODE_ENV === 'development'
      ? { state: 'down', detail: `No worker answers at ${url}. Start one with «charla worker».` }
      : {
          state: 'unknown',
          detail: `No worker answers at ${url}; those on other machines cannot be seen from here. If there is none, start one with «charla worker».`,
        };
  }
  if (response.ok) return { state: 'ok' };
  return {
    state: 'down',
    detail: `The worker runs but is not registered: ${(await response.text()).slice(0, 200)}`,
  };
}

async function probeInference(config: Config): Promise<Finding> {
  const url = inferenceBaseUrl(config).replace(/\/v1$/, '');
  const response = await get(`${url}/health`);
  if (response?.ok) return { state: 'ok' };
  return {
    state: 'down',
    detail:
      response === undefined
        ? `The local models do not answer at ${url}. Start them with «charla inference».`
        : `The local models at ${url} answer ${response.status}: they are still loading, or failed to.`,
  };
}

async function probeModels(
  config: Config,
  inference: () => Promise<Finding>,
): Promise<Pick<Health['components'], 'inference' | 'llm' | 'stt' | 'tts'>> {
  const providers = await resolveProviders(config);
  const { llm, stt, tts } = providers;
  const asked = new Map<string, Promise<ComponentHealth>>();
  const once = (endpoint: Endpoint) => {
    const key = `${endpoint.baseUrl} ${endpoint.apiKey}`;
    const probe = asked.get(key) ?? timed(() => probeEndpoint(endpoint));
    asked.set(key, probe);
    return probe;
  };
  const [inferenceHealth, llmHealth, sttHealth, ttsHealth] = await Promise.all([
    needsInference(providers) ? timed(inference) : { state: 'unused' as const },
    once(llm),
    once(stt),
    once(tts),
  ]);
  return { inference: inferenceHealth, llm: llmHealth, stt: sttHealth, tts: ttsHealth };
}

async function probeEndpoint({ baseUrl, apiKey }: Endpoint): Promise<Finding> {
  const response = await get(`${baseUrl}/models`, { authorization: `Bearer ${apiKey}` });
  if (response === undefined) return { state: 'down', detail: `${baseUrl} does not answer.` };
  if (response.status === 401 || response.status === 403) {
    return { state: 'refused', detail: `${baseUrl} refuses its key. Set the right one in .env.` };
  }
  if (response.status >= 500) return { state: 'down', detail: `${baseUrl} answers ${response.status}.` };
  // Some compatible servers have no list of models; that they answer is all there is to learn.
  return { state: 'ok' };
}

async function get(url: string, headers: Record<string, string> = {}): Promise<Response | undefined> {
  return fetch(url, { headers, signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) }).catch(() => undefined);
}

async function timed(probe: () => Promise<Finding>): Promise<ComponentHealth> {
  const start = performance.now();
  // Its timer begins before those of the probes: the first one that is over says what is wrong.
  const late = new Promise<Finding>((resolve) => {
    const text = `No answer within ${PROBE_TIMEOUT_MS} ms.`;
    setTimeout(resolve, PROBE_TIMEOUT_MS, { state: 'down', detail: text }).unref();
  });
  const finding = await Promise.race([probe(), late]);
  return { ...finding, latencyMs: Math.round(performance.now() - start) };
}
