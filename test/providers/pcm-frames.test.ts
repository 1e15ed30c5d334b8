import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pcmFrames } from '../../src/providers/tts/pcm-frames.ts';

async function frames(pieces: Uint8Array[]) {
  async function* sound() {
    yield* pieces;
  }
  const all = [];
  for await (const frame of pcmFrames(sound(), 24_000)) all.push(frame);
  return all;
}

describe('frames of sound', () => {
  it('are 20 ms long, the last one shorter, wherever the pieces of the sound end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 0, maxLength: 5_000 }),
        fc.array(fc.integer({ min: 0, max: 2_000 })),
        async (pcm, lengths) => {
          const pieces: Uint8Array[] = [];
          let at = 0;
          for (const length of lengths) {
            pieces.push(pcm.subarray(at, at + length));
            at += length;
          }
          const found = await frames([...pieces, pcm.subarray(at)]);
          const bytes = found.flatMap(({ data }) => [...new Uint8Array(data.buffer)]);
          expect(bytes).toEqual([...pcm.subarray(0, pcm.length - (pcm.length % 2))]);
          for (const frame of found.slice(0, -1)) expect(frame.samplesPerChannel).toBe(480);
          expect(found.every((frame) => frame.data.length === frame.samplesPerChannel)).toBe(true);
        },
      ),
    );
  });

  it('come before the sound goes on', async () => {
    let asked = 0;
    async function* sound() {
      for (;;) {
        asked += 1;
        yield new Uint8Array(2_000);
      }
    }
    for await (const frame of pcmFrames(sound(), 24_000)) {
      expect(frame.samplesPerChannel).toBe(480);
      break;
    }
    expect(asked).toBe(1);
  });
});
