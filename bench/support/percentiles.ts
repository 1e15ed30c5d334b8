/** A distribution in five numbers, in the unit of its values. */
export interface Summary {
  n: number;
  min: number;
  p50: number;
  p95: number;
  max: number;
}

/**
 * The value that a share of all values does not exceed, interpolated linearly between neighbours (type 7 of Hyndman
 * and Fan, as NumPy and spreadsheets do it).
 *
 * @param values - in any order
 * @param share - 0 to 1
 * @returns undefined when there are no values
 */
export function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = values.toSorted((one, other) => one - other);
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) return undefined;
  return below + (above - below) * (position - Math.floor(position));
}

/** @returns undefined when there are no values */
export function summarise(values: readonly number[]): Summary | undefined {
  const [min, p50, p95, max] = [0, 0.5, 0.95, 1].map((share) => percentile(values, share));
  if (min === undefined || p50 === undefined || p95 === undefined || max === undefined) return undefined;
  return { n: values.length, min, p50, p95, max };
}
