import { expect, it } from 'vitest';
import { counterSum } from '../../bench/support/speculation.ts';

const EXPOSITION = `# HELP speculative_transcriptions_total Transcriptions begun before the caller had finished.
# TYPE speculative_transcriptions_total counter
speculative_transcriptions_total{result="used"} 5
speculative_transcriptions_total{result="thrown_away"} 2
speculative_transcriptions_totally_else 100
speculation_seconds_total 1.25
`;

it('a counter of /metrics is summed over its labels, or over the lines that have one', () => {
  expect(counterSum(EXPOSITION, 'speculative_transcriptions_total')).toBe(7);
  expect(counterSum(EXPOSITION, 'speculative_transcriptions_total', 'result="thrown_away"')).toBe(2);
  expect(counterSum(EXPOSITION, 'speculation_seconds_total')).toBe(1.25);
});

it('a counter that is not there has no sum', () => {
  expect(counterSum(EXPOSITION, 'speculation_minutes_total')).toBeUndefined();
  expect(counterSum('', 'speculation_seconds_total')).toBeUndefined();
});
