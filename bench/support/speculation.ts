import type { Rows } from './bench-result.ts';
import type { EngineRequest } from './fixed-engines-client.ts';
import type { BenchStack } from './stack.ts';

/** What a pipeline had transcribed, sums. */
interface Transcriptions {
  /** Requests to the engine; undefined where only what the worker counts is known. */
  requests?: number;
  givenUp?: number;
  /** Sound in them, s. */
  audioS?: number;
  /** Begun before the caller had finished, as the worker counts them. */
  early?: number;
  /** Those of them that were thrown away. */
  useless?: number;
  /** What captions and the useless ones took of the engine, s. */
  uselessS?: number;
}

/** Counters of `src/telemetry/call-metrics.ts`, with a label where not all of it counts. */
const METRICS = [
  { field: 'early', counter: 'speculative_transcriptions_total', label: '' },
  { field: 'useless', counter: 'speculative_transcriptions_total', label: 'result="thrown_away"' },
  { field: 'uselessS', counter: 'speculation_seconds_total', label: '' },
] as const;

/**
 * What transcribing ahead costs, from now on: requests to speech to text by the pipeline that made them (fixed-delay
 * engines know), and what a worker counts itself at `/metrics` (Charla).
 *
 * @returns a function that makes the table; `utterances` is how often the caller spoke to each pipeline
 */
export async function meterSpeculation(
  stack: BenchStack,
  names: readonly string[],
): Promise<(utterances: ReadonlyMap<string, number>) => Promise<{ rows: Rows; json: object }>> {
  const before = await transcriptions(stack, names);
  return async (utterances) => {
    const after = await transcriptions(stack, names);
    const rows: Array<Record<string, string | number>> = [];
    const json: Record<string, object> = {};
    for (const name of names) {
      const spent = difference(after.get(name) ?? {}, before.get(name) ?? {});
      const n = utterances.get(name) ?? 0;
      if (n === 0 || Object.keys(spent).length === 0) continue;
      const { requests, givenUp, audioS, early, useless, uselessS } = spent;
      json[name] = { utterances: n, ...spent };
      rows.push({
        pipeline: name,
        utterances: n,
        'requests each': each(requests, n),
        'given up': each(givenUp, n),
        'thrown away': requests === undefined ? '–' : share(requests - n, requests),
        'sound sent, s': each(audioS, n),
        'begun early (worker)': each(early, n),
        'of no use (worker)': each(useless, n),
        'speculation, s (worker)': each(uselessS, n),
      });
    }
    return { rows, json };
  };
}

/**
 * The sum of a counter over all its labels, or over those lines that have a label.
 *
 * @param exposition - Prometheus' text format
 * @param label - as it stands there: `name="value"`
 * @returns undefined when there is no such counter
 */
export function counterSum(exposition: string, name: string, label = ''): number | undefined {
  const values = exposition
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .filter((line) => line.includes(label))
    .map((line) => Number(line.replace(/\{.*\}/, '').split(' ')[1]));
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}

async function transcriptions(
  stack: BenchStack,
  names: readonly string[],
): Promise<Map<string, Transcriptions>> {
  const requests = (await stack.fixedEngines?.requests()) ?? [];
  const all = new Map<string, Transcriptions>();
  for (const name of names) {
    const metrics = await readMetrics(stack.metricsUrl(name));
    all.set(name, { ...(stack.fixedEngines && sums(requests, name)), ...metrics });
  }
  return all;
}

function sums(requests: readonly EngineRequest[], name: string): Transcriptions {
  const own = requests.filter(({ kind, by }) => kind === 'stt' && by === name);
  return {
    requests: own.length,
    givenUp: own.filter(({ state }) => state === 'given up').length,
    audioS: own.reduce((sum, { audioMs = 0 }) => sum + audioMs / 1000, 0),
  };
}

async function readMetrics(url: string | undefined): Promise<Transcriptions> {
  const text =
    url === undefined
      ? ''
      : await fetch(url).then(
          (response) => (response.ok ? response.text() : ''),
          () => '',
        );
  const found = METRICS.map(
    ({ field, counter, label }) => [field, counterSum(text, counter, label)] as const,
  );
  return Object.fromEntries(found.filter(([, value]) => value !== undefined));
}

function difference(after: Transcriptions, before: Transcriptions): Transcriptions {
  const fields = Object.keys(after) as Array<keyof Transcriptions>;
  return Object.fromEntries(fields.map((field) => [field, (after[field] ?? 0) - (before[field] ?? 0)]));
}

function each(sum: number | undefined, n: number): string | number {
  return sum === undefined ? '–' : Number((sum / n).toFixed(2));
}

function share(part: number, whole: number): string {
  return whole === 0 ? '–' : `${Math.round((Math.max(0, part) / whole) * 100)} %`;
}
