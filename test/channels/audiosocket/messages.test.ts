import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AudioSocketMessage,
  AudioSocketReader,
  hangUpMessage,
  soundMessage,
} from '../../../src/channels/audiosocket/messages.ts';

const ID = '40325ec2-5efd-4bd3-805f-53576e581d13';
const message = (kind: number, ...body: number[]) =>
  Buffer.from([kind, body.length >> 8, body.length & 255, ...body]);
const read = (bytes: Buffer) => new AudioSocketReader().read(bytes);

describe('what Asterisk says', () => {
  it.each<[string, Buffer, AudioSocketMessage]>([
    ['a UUID', message(0x01, ...Buffer.from(ID.replaceAll('-', ''), 'hex')), { type: 'id', id: ID }],
    ['a key', message(0x03, 0x23), { type: 'digit', digit: '#' }],
    [
      'sound',
      message(0x10, 0x01, 0x00, 0xff, 0x7f, 0x00, 0x80),
      { type: 'sound', samples: Int16Array.of(1, 32_767, -32_768) },
    ],
    ['sound of 16 kHz', message(0x12, 0, 0), { type: 'other-sound' }],
    ['its end', message(0x00), { type: 'hang-up' }],
    ['an error', message(0xff, 0x02), { type: 'error', code: 2 }],
    ['an error without a code', message(0xff), { type: 'error', code: undefined }],
    ['a UUID of 15 bytes', message(0x01, ...new Array<number>(15).fill(1)), { type: 'unknown' }],
    ['two keys at once', message(0x03, 0x31, 0x32), { type: 'unknown' }],
    ['what no version has', message(0x42, 1, 2, 3), { type: 'unknown' }],
  ])('is understood: %s', (_what, bytes, expected) => {
    expect(read(bytes)).toEqual([expected]);
  });

  it('in half a sample ends before it', () => {
    expect(read(message(0x10, 1, 0, 9))).toEqual([{ type: 'sound', samples: Int16Array.of(1) }]);
  });
});

describe('messages of ours', () => {
  it('have the bytes of the protocol', () => {
    expect(soundMessage(Int16Array.of(1, -2))).toEqual(
      Buffer.from([0x10, 0x00, 0x04, 0x01, 0x00, 0xfe, 0xff]),
    );
    expect(hangUpMessage()).toEqual(Buffer.from([0x00, 0x00, 0x00]));
  });

  it('come back as they were, whatever the sound', () => {
    fc.assert(
      fc.property(fc.int16Array({ maxLength: 400 }), (samples) => {
        expect(read(soundMessage(samples))).toEqual([{ type: 'sound', samples }]);
      }),
    );
  });
});

const pieces = fc.uint8Array({ maxLength: 2_000 }).chain((bytes) =>
  fc.record({
    bytes: fc.constant(bytes),
    cuts: fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 20 }),
  }),
);

it('any bytes, however they are cut, are the same messages, and no error', () => {
  fc.assert(
    fc.property(pieces, ({ bytes, cuts }) => {
      const whole = read(Buffer.from(bytes));
      const reader = new AudioSocketReader();
      const edges = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
      const inPieces = edges
        .slice(1)
        .flatMap((end, at) => reader.read(Buffer.from(bytes.slice(edges[at], end))));
      expect(inPieces).toEqual(whole);
    }),
    { numRuns: 500 },
  );
});
