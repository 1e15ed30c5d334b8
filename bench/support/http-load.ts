import autocannon from 'autocannon';

/** What a route does under load. Times in ms. */
export interface HttpLoad {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Errors, and answers other than 2xx. */
  failed: number;
}

/**
 * Asks a route `amount` times, over so many connections that each wait for their answer; a tenth of that before, which
 * does not count.
 */
export async function measureHttp(
  request: Omit<autocannon.Options, 'connections' | 'amount'>,
  { connections, amount }: { connections: number; amount: number },
): Promise<HttpLoad> {
  await autocannon({ ...request, connections, amount: Math.max(connections, Math.round(amount / 10)) });
  const startedMs = performance.now();
  let lastMs = startedMs;
  const result = await autocannon({
    ...request,
    connections,
    amount: Math.max(connections, amount),
    // autocannon's own duration is in whole seconds.
    setupClient: (client) => {
      client.on('response', () => {
        lastMs = performance.now();
      });
    },
  });
  return {
    requestsPerSecond: Math.round((result.requests.total / (lastMs - startedMs)) * 1000),
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    failed: result.non2xx + result.errors,
  };
}

/** The round with the most requests a second: on a shared machine others only ever slow one down. */
export function bestOf(rounds: readonly HttpLoad[]): HttpLoad {
  return rounds.reduce((one, other) => (other.requestsPerSecond > one.requestsPerSecond ? other : one));
}
