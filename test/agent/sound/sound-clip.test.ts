import type { AudioFrame } from '@livekit/rtc-node';
import { expect, it } from 'vitest';
import { type Clip, loopClip, silence } from '../../../src/agent/sound/sound-clip.ts';
import { levelDb } from '../../support/caller.ts';

/** The first seconds of a sound. */
async function start(sound: AsyncIterable<AudioFrame>, seconds: number): Promise<Int16Array[]> {
  const frames: Int16Array[] = [];
  for await (const { data, sampleRate, channels } of sound) {
    expect([sampleRate, channels]).toEqual([48_000, 1]);
    frames.push(data);
    if (frames.length === seconds * 10) return frames;
  }
  return frames;
}
const joined = (frames: readonly Int16Array[]) => {
  const pcm = new Int16Array(frames.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const frame of frames) {
    pcm.set(frame, at);
    at += frame.length;
  }
  return pcm;
};

it.each(['office', 'cafe', 'keyboard'] satisfies Clip[])(
  '%s is there, as loud as asked, and without end',
  async (clip) => {
    const [loud, soft] = [await loopClip(clip, 0.5), await loopClip(clip, 0.05)];
    // Longer than any of them: it begins anew meanwhile.
    const [heard, softly] = [joined(await start(loud, 60)), joined(await start(soft, 60))];
    // Half as loud as a voice of -26 dB.
    expect(Math.abs(levelDb(heard) + 32)).toBeLessThan(2);
    expect(levelDb(heard) - levelDb(softly)).toBeCloseTo(20, 0);
    const again = joined(await start(loud, 1));
    expect(again).toEqual(heard.slice(0, again.length));
  },
);

it.each(['office', 'cafe'] satisfies Clip[])(
  '%s goes on the whole time, through its seam too',
  async (clip) => {
    const frames = await start(await loopClip(clip, 1), 60);
    const levels = [];
    for (let at = 0; at < frames.length; at += 10) levels.push(levelDb(joined(frames.slice(at, at + 10))));
    expect(Math.min(...levels)).toBeGreaterThan(-45);
    expect(Math.max(...levels)).toBeLessThan(-15);
  },
);

it('silence is silent', async () => {
  expect(joined(await start(silence(), 1)).every((sample) => sample === 0)).toBe(true);
});
