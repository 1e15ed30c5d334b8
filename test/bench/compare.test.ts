import { describe, expect, it } from 'vitest';
import { compare } from '../../bench/support/compare.ts';

describe('comparing pipelines', () => {
  it("gives each other pipeline's p50 and p95 as ratios to stock's", () => {
    const { rows, json } = compare(
      'time, ms',
      new Map([
        ['charla', [100, 200, 300]],
        ['stock', [400, 400, 400]],
      ]),
    );
    expect(rows).toEqual([
      {
        figure: 'time, ms',
        pipeline: 'charla',
        n: 3,
        p50: 200,
        p95: 290,
        'p50 / stock': 0.5,
        'p95 / stock': 0.72,
      },
      {
        figure: 'time, ms',
        pipeline: 'stock',
        n: 3,
        p50: 400,
        p95: 400,
        'p50 / stock': '',
        'p95 / stock': '',
      },
    ]);
    expect(json.charla).toMatchObject({ n: 3, p50: 200, p50OfStock: 0.5 });
    expect(json.stock).not.toHaveProperty('p50OfStock');
  });

  it('shows a pipeline that gave no values, without numbers', () => {
    const { rows, json } = compare('time, ms', new Map([['stock', []]]), () => ({ 'no answer': 3 }));
    expect(rows).toEqual([
      {
        figure: 'time, ms',
        pipeline: 'stock',
        n: 0,
        p50: '–',
        p95: '–',
        'p50 / stock': '',
        'p95 / stock': '',
        'no answer': 3,
      },
    ]);
    expect(json).toEqual({});
  });
});
