/** A sample that is at most as loud as 16 bits can say. */
export function clipSample(sample: number): number {
  return Math.max(-32_768, Math.min(32_767, sample));
}
