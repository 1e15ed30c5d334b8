import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { messageOf } from '../../errors.ts';

const healthSchema = z.object({
  components: z.record(z.string(), z.object({ state: z.string(), detail: z.string().optional() })),
});
type Health = z.output<typeof healthSchema>;
/** `unused`: not configured. `unknown`: on another machine, where nothing can be asked. */
const FINE = new Set(['ok', 'unused', 'unknown']);
const POLL_MS = 200;
/** `GET /health` asks every component, each at most 2 s. */
const LOOK_TIMEOUT_MS = 5_000;

/**
 * Asks a running `charla serve` for what does not work, a wrong key of a cloud for example. That the question itself
 * fails is a line too, and never an error.
 *
 * @param url - base URL of `charla serve` on this machine
 * @param options.settleMs - how long a component may still be on its way up; the answer comes as soon as all work
 * @returns a line for each component that does not; empty when all do
 */
export async function healthProblems(url: string, { settleMs = 2500 } = {}): Promise<string[]> {
  for (const deadline = Date.now() + settleMs; ; await sleep(POLL_MS)) {
    const health = await look(`${url}/health`);
    if (health === undefined) return [];
    if (Date.now() < deadline) continue;
    if (typeof health === 'string') return [health];
    return Object.entries(health.components)
      .filter(([, { state }]) => !FINE.has(state))
      .map(([name, { state, detail }]) => `${name} is ${state}${detail === undefined ? '' : `: ${detail}`}`);
  }
}

/** @returns undefined when all works, the components when not all do, or a sentence where there are none to be had */
async function look(url: string): Promise<Health | string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(LOOK_TIMEOUT_MS) });
    const health = healthSchema.safeParse(await response.json().catch(() => undefined));
    if (!health.success) return `GET ${url} answers ${response.status} and no report of the components`;
    return response.ok ? undefined : health.data;
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    return `GET ${url} does not answer: ${messageOf(cause)}`;
  }
}
