import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RECORDING_SAMPLE_RATE, SoundTimeline } from '../../../src/agent/recording/sound-timeline.ts';

const samples = (ms: number) => (ms * RECORDING_SAMPLE_RATE) / 1000;
const tone = (ms: number, value: number) => new Int16Array(samples(ms)).fill(value);
const side = (pcm: Int16Array, channel: 0 | 1) => pcm.filter((_, index) => index % 2 === channel);
/** From which to which ms a channel has a value. */
function when(pcm: Int16Array, channel: 0 | 1, value: number): [number, number] {
  const own = side(pcm, channel);
  const ms = (index: number) => (index * 1000) / RECORDING_SAMPLE_RATE;
  return [ms(own.indexOf(value)), ms(own.lastIndexOf(value) + 1)];
}

describe('the timeline of a recording', () => {
  it('has each sound on its side, where it was heard, and silence elsewhere', () => {
    const timeline = new SoundTimeline(1_000);
    timeline.source(0).place(tone(100, 7), 1_200);
    timeline.source(1).place(tone(50, 9), 1_500);
    const pcm = timeline.take(2_000);
    expect(pcm.length).toBe(samples(1_000) * 2);
    expect(when(pcm, 0, 7)).toEqual([200, 300]);
    expect(when(pcm, 1, 9)).toEqual([500, 550]);
    expect(pcm.filter((sample) => sample !== 0).length).toBe(samples(150));
  });

  it('has no holes in speech whose frames come early and late', () => {
    const late = fc.array(fc.integer({ min: -100, max: 100 }), { minLength: 1, maxLength: 50 });
    const steps = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(late, steps, (delays, takes) => {
        const timeline = new SoundTimeline(0);
        const source = timeline.source(0);
        for (const [index, delay] of delays.entries()) source.place(tone(20, 5), 500 + index * 20 + delay);
        let at = 0;
        const pieces = takes.map((ms) => {
          at += ms;
          return timeline.take(at);
        });
        const pcm = new Int16Array(samples(2_000) * 2);
        let length = 0;
        for (const piece of [...pieces, timeline.take(2_000)]) {
          pcm.set(piece, length);
          length += piece.length;
        }
        const [from, to] = when(pcm, 0, 5);
        expect(to - from).toBeCloseTo(20 * delays.length);
        expect(side(pcm, 0).filter((sample) => sample === 5).length).toBe(samples(20 * delays.length));
      }),
      { numRuns: 50 },
    );
  });

  it('leaves a gap where nothing came for long', () => {
    const timeline = new SoundTimeline(0);
    const source = timeline.source(1);
    source.place(tone(20, 3), 100);
    source.place(tone(20, 4), 900);
    const pcm = timeline.take(1_000);
    expect([when(pcm, 1, 3), when(pcm, 1, 4)]).toEqual([
      [100, 120],
      [900, 920],
    ]);
  });

  it('forgets what was taken back before it was heard, and has what came instead', () => {
    const timeline = new SoundTimeline(0);
    const agent = timeline.source(1);
    agent.place(tone(300, 3), 100);
    agent.cut(180);
    agent.place(tone(50, 4), 600);
    const pcm = timeline.take(1_000);
    expect([when(pcm, 1, 3), when(pcm, 1, 4)]).toEqual([
      [100, 180],
      [600, 650],
    ]);
  });

  it('mixes several people on one side, without going over the top', () => {
    const timeline = new SoundTimeline(0);
    timeline.source(0).place(tone(20, 30_000), 0);
    timeline.source(0).place(tone(20, 30_000), 10);
    const own = side(timeline.take(30), 0);
    expect([own[0], own[samples(15)], own[samples(25)]]).toEqual([30_000, 32_767, 30_000]);
  });

  it('is as long as its time however it is taken, and leaves out what comes too late', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 20 }), (takes) => {
        const timeline = new SoundTimeline(50);
        let at = 50;
        let length = 0;
        for (const ms of takes) {
          at += ms;
          length += timeline.take(at).length;
          timeline.source(0).place(tone(20, 1), at - 40);
        }
        expect(length).toBe(samples(at - 50) * 2);
        expect(timeline.take(at + 100).every((sample) => sample === 0)).toBe(true);
      }),
    );
  });
});
