import { describe, expect, it } from 'vitest';
import { drawTimeline, type RecordedCall } from '../../bench/support/timeline-svg.ts';

const levels = (from: number, seconds: number) => ({
  from,
  stepMs: 20,
  db: Array.from({ length: seconds * 50 }, (_, at) => (at % 50 < 25 ? -20 : -90)),
});

const CALL: RecordedCall = {
  said: [{ text: '¿Qué tengo & cuánto <cuesta>?', from: 1_000, to: 2_500 }],
  callerLevels: levels(1_000, 1.5),
  agentLevels: levels(0, 6),
  answers: [{ questionEnd: 2_500, firstSound: 3_312 }],
  engines: [
    { engine: 'stt', from: 2_200, to: 2_300, complete: false },
    { engine: 'stt', from: 2_650, firstByteAt: 2_800, to: 2_801, complete: true },
    { engine: 'llm', from: 2_810, firstByteAt: 2_900, to: 3_400, complete: true },
    { engine: 'tts', from: 2_950, firstByteAt: 3_200, to: 3_500, complete: true },
  ],
  states: [
    { state: 'listening', at: 0 },
    { state: 'thinking', at: 2_900 },
    { state: 'speaking', at: 3_250 },
  ],
  end: 6_000,
};

/** Elements of one kind with their attributes, and their text where they have one. */
function elements(svg: string, tag: string): Array<Record<string, string>> {
  return [...svg.matchAll(new RegExp(`<${tag} ([^>]*?)/?>(?:([^<]*)</${tag}>)?`, 'g'))].map(
    ([, attributes = '', text = '']) => ({
      text,
      ...Object.fromEntries(
        [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
      ),
    }),
  );
}

describe('the drawn timeline of a call', () => {
  const svg = drawTimeline(CALL);
  const bars = (classes: string) => elements(svg, 'rect').filter((one) => one.class === classes);

  it('is an SVG document with the words that were said, escaped', () => {
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" [\s\S]*<\/svg>\n$/);
    expect(svg).toContain('¿Qué tengo &amp; cuánto &lt;cuesta&gt;?');
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('has the waiting time of the answer in both views', () => {
    const numbers = elements(svg, 'text').filter((one) => one.class === 'number');
    expect(numbers.map(({ text }) => text)).toEqual(['812 ms', '812 ms']);
  });

  it('has a bar for each request: pale until its first byte, paler when it was given up', () => {
    expect(bars('stt given-up wait')).toHaveLength(2);
    expect(bars('llm')).toHaveLength(2);
    const [wait] = bars('llm wait');
    const [spoke] = bars('llm');
    expect(Number(spoke?.x)).toBeCloseTo(Number(wait?.x) + Number(wait?.width), 0);
  });

  it('stays within its picture', () => {
    const [, width = 0, height = 0] = /viewBox="0 0 (\d+) ([\d.]+)"/.exec(svg)?.map(Number) ?? [];
    const all = elements(svg, 'rect');
    expect(all.length).toBeGreaterThan(10);
    for (const rect of all) {
      expect(Number(rect.x)).toBeGreaterThanOrEqual(0);
      expect(Number(rect.x) + Number(rect.width)).toBeLessThanOrEqual(width);
      expect(Number(rect.y) + Number(rect.height)).toBeLessThanOrEqual(height);
    }
  });

  it('has one view only of a call in which nothing was answered', () => {
    const quiet = drawTimeline({ ...CALL, answers: [] });
    expect(elements(quiet, 'text').filter((one) => one.class === 'title')).toHaveLength(1);
  });
});
