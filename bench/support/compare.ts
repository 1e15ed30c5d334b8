import type { Rows } from './bench-result.ts';
import { type Summary, summarise } from './percentiles.ts';

/** Values of one figure, by the pipeline they were measured on. */
export type ByPipeline = ReadonlyMap<string, readonly number[]>;

/** The pipeline that the others are held against. */
export const BASELINE = 'stock';

export interface Comparison {
  rows: Rows;
  json: Record<string, Summary & { p50OfStock?: number; p95OfStock?: number }>;
}

/**
 * One line for each pipeline: number of values, p50, p95, and both as a ratio to the stock pipeline's.
 *
 * @param figure - what was measured
 * @param extra - more cells for a pipeline's line
 */
export function compare(
  figure: string,
  values: ByPipeline,
  extra: (pipeline: string) => Record<string, string | number> = () => ({}),
): Comparison {
  const stock = summarise(values.get(BASELINE) ?? []);
  const rows: Array<Record<string, string | number>> = [];
  const json: Comparison['json'] = {};
  for (const [pipeline, measured] of values) {
    const summary = summarise(measured);
    const ratios =
      summary === undefined || stock === undefined || pipeline === BASELINE
        ? undefined
        : { p50OfStock: ratio(summary.p50, stock.p50), p95OfStock: ratio(summary.p95, stock.p95) };
    rows.push({
      figure,
      pipeline,
      n: measured.length,
      p50: summary === undefined ? '–' : Math.round(summary.p50),
      p95: summary === undefined ? '–' : Math.round(summary.p95),
      'p50 / stock': ratios?.p50OfStock ?? '',
      'p95 / stock': ratios?.p95OfStock ?? '',
      ...extra(pipeline),
    });
    if (summary !== undefined) json[pipeline] = { ...rounded(summary), ...ratios };
  }
  return { rows, json };
}

function ratio(value: number, of: number): number {
  return Number((value / of).toFixed(2));
}

function rounded(summary: Summary): Summary {
  const { n, min, p50, p95, max } = summary;
  return {
    n,
    min: Math.round(min),
    p50: Math.round(p50),
    p95: Math.round(p95),
    max: Math.round(max),
  };
}
