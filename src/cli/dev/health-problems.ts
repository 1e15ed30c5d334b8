import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const healthSchema = z.object({
  components: z.record(z.string(), z.object({ state: z.string(), detail: z.string().optional() })),
});
const POLL_MS = 200;

/**
 * Asks a running `charla serve` for what does not work, a wrong key of a cloud for example.
 *
 * @param options.settleMs - how long a component may still be on its way up; the answer comes as soon as all work
 * @returns a line for each component that does not; empty when all do
 */
export async function healthProblems(apiUrl: string, { settleMs = 2500 } = {}): Promise<string[]> {
  for (const deadline = Date.now() + settleMs; ; await sleep(POLL_MS)) {
    const response = await fetch(`${apiUrl}/health`);
    if (response.ok) return [];
    const health = healthSchema.safeParse(await response.json());
    if (Date.now() < deadline) continue;
    if (!health.success) return [`GET /health answers ${response.status}`];
    return Object.entries(health.data.components)
      .filter(([, { state }]) => state !== 'ok' && state !== 'unused')
      .map(([name, { state, detail }]) => `${name} is ${state}${detail === undefined ? '' : `: ${detail}`}`);
  }
}
