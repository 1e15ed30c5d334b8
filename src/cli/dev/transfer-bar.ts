import prettyBytes from 'pretty-bytes';

const WIDTH = 20;
/** Speed is that of the last seconds: what an earlier attempt had brought already does not count. */
const WINDOW_MS = 3000;

/**
 * Shows how a transfer gets on: `███████░░░░░░░░░░░░░ 52.1 MB of 145 MB, 11.2 MB/s`.
 *
 * @returns a function of the bytes that are here and of all bytes, where that is known; called in the order of time
 */
export function transferBar(
  now: () => number = Date.now,
): (received: number, total?: number | undefined) => string {
  const samples: { at: number; received: number }[] = [];
  return (received, total) => {
    const at = now();
    if ((samples.at(-1)?.received ?? 0) > received) samples.length = 0;
    samples.push({ at, received });
    while ((samples[0]?.at ?? at) < at - WINDOW_MS) samples.shift();
    const first = samples[0] ?? { at, received };
    const speed =
      at > first.at ? `, ${prettyBytes(((received - first.received) * 1000) / (at - first.at))}/s` : '';
    if (total === undefined) return `${prettyBytes(received)}${speed}`;
    const filled = Math.min(WIDTH, Math.floor((WIDTH * received) / Math.max(1, total)));
    const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
    return `${bar} ${prettyBytes(received)} of ${prettyBytes(total)}${speed}`;
  };
}
