import prettyBytes from 'pretty-bytes';
import type { PullProgress } from '../inference/model-store.ts';

/** Speed is that of the last so many milliseconds: long enough to be calm, short enough to be true. */
const SPEED_WINDOW_MS = 4_000;
const BAR_WIDTH = 20;

/**
 * Words the progress of one model's pull as a line: bar, bytes, speed, time left, source.
 *
 * @param now - ms; a clock for tests
 */
export function pullProgressText(now: () => number = Date.now): (progress: PullProgress) => string {
  let samples: { at: number; bytes: number }[] = [];
  let stage = '';
  return (progress) => {
    const { phase, source, receivedBytes, totalBytes } = progress;
    if (phase === 'wait') return 'another process is fetching it; waiting';
    if (phase === 'verify') return `verifying · ${source}`;
    if (`${phase} ${source}` !== stage) samples = [];
    stage = `${phase} ${source}`;
    const at = now();
    samples = [...samples.filter((sample) => at - sample.at < SPEED_WINDOW_MS), { at, bytes: receivedBytes }];
    const share = totalBytes === 0 ? 0 : receivedBytes / totalBytes;
    if (phase === 'convert') return `${bar(share)} converting · ${source}`;
    return [
      `${bar(share)} ${prettyBytes(receivedBytes)} of ${prettyBytes(totalBytes)}`,
      ...pace(samples, totalBytes - receivedBytes),
      source,
    ].join(' · ');
  };
}

function bar(share: number): string {
  const full = Math.round(share * BAR_WIDTH);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)} ${String(Math.floor(share * 100)).padStart(3)} %`;
}

function pace(samples: readonly { at: number; bytes: number }[], left: number): string[] {
  const [first, last] = [samples.at(0), samples.at(-1)];
  if (first === undefined || last === undefined || last.at - first.at < 500) return [];
  const perSecond = (1000 * (last.bytes - first.bytes)) / (last.at - first.at);
  if (perSecond <= 0) return ['waiting for data'];
  return [`${prettyBytes(perSecond)}/s`, `${duration(left / perSecond)} left`];
}

function duration(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}
