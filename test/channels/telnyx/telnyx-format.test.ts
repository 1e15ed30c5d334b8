import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeMulaw, encodeMulaw } from '../../../src/channels/media-stream.ts';
import { telnyxFormat } from '../../../src/channels/telnyx/telnyx-format.ts';
import { parseJson } from '../../../src/parse-json.ts';

const counter = fc.nat().chain((count) => fc.constantFrom<string | number>(count, String(count)));
const envelope = { sequence_number: counter, stream_id: fc.uuid() };
const payload = fc.uint8Array({ maxLength: 800 }).map((bytes) => Buffer.from(bytes).toString('base64'));

it('reads every message of the documents', () => {
  const start = {
    event: 'start',
    sequence_number: '1',
    stream_id: '32DE0DEA-53CB-4B21-89A4-9E1819C043BC',
    start: {
      user_id: '3E6F995F-85F7-4705-9741-53B116D28237',
      call_control_id: 'v2:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ',
      call_session_id: 'ff55a038-6f5d-11ef-9692-02420aeffb1f',
      from: '+13122010094',
      to: '+13122123456',
      tags: ['TAG1', 'TAG2'],
      client_state: 'aGF2ZSBhIG5pY2UgZGF5ID1d',
      custom_parameters: { customer_id: 'customer_123' },
      media_format: { encoding: 'PCMU', sample_rate: 8000, channels: 1 },
    },
  };
  const stream_id = start.stream_id;
  const read = (message: object) => telnyxFormat.read(message);
  expect(read({ event: 'connected', version: '1.0.0' })).toEqual({ kind: 'other' });
  expect(read(start)).toEqual({
    kind: 'start',
    streamId: stream_id,
    callId: start.start.call_control_id,
    encoding: 'PCMU',
    sampleRate: 8000,
    channels: 1,
  });
  expect(
    read({
      event: 'media',
      stream_id,
      media: { track: 'inbound', chunk: '2', timestamp: '5', payload: '/w==' },
    }),
  ).toEqual({ kind: 'media', chunk: 2, payload: '/w==' });
  expect(
    read({ event: 'media', stream_id, media: { track: 'outbound', chunk: 2, payload: '/w==' } }),
  ).toEqual({
    kind: 'other',
  });
  expect(read({ event: 'dtmf', stream_id, sequence_number: '5', dtmf: { digit: '#' } })).toEqual({
    kind: 'digit',
    digit: '#',
  });
  expect(read({ event: 'mark', stream_id, mark: { name: 'm1' } })).toEqual({ kind: 'mark', name: 'm1' });
  expect(read({ event: 'stop', stream_id, stop: { call_control_id: 'v2:x' } })).toEqual({ kind: 'stop' });
  expect(
    read({ event: 'error', stream_id, payload: { code: 100003, title: 'malformed_frame', detail: '…' } }),
  ).toEqual({ kind: 'error', reason: '100003 malformed_frame' });
});

it('reads the sound of whatever message, byte for byte', () => {
  const message = fc.record({
    event: fc.constant('media'),
    ...envelope,
    media: fc.record({ track: fc.constant('inbound'), chunk: counter, timestamp: counter, payload }),
  });
  fc.assert(
    fc.property(message, (sent) => {
      expect(telnyxFormat.read(parseJson(JSON.stringify(sent)))).toEqual({
        kind: 'media',
        chunk: Number(sent.media.chunk),
        payload: sent.media.payload,
      });
    }),
  );
});

it('passes over events that are new, and takes nothing that is not of the protocol', () => {
  const known = ['connected', 'start', 'media', 'dtmf', 'mark', 'stop', 'error'];
  fc.assert(
    fc.property(fc.string(), fc.anything(), (event, more) => {
      fc.pre(!known.includes(event));
      expect(telnyxFormat.read({ event, more })).toEqual({ kind: 'other' });
    }),
  );
  fc.assert(
    fc.property(fc.constantFrom('start', 'media', 'dtmf', 'mark'), fc.jsonValue(), (event, inside) => {
      fc.pre(typeof inside !== 'object' || inside === null || Object.keys(inside).length === 0);
      expect(telnyxFormat.read({ event, stream_id: 's', [event]: inside })).toBeUndefined();
    }),
  );
  fc.assert(
    fc.property(fc.anything(), (message) => {
      fc.pre(typeof message !== 'object' || message === null || !('event' in message));
      expect(telnyxFormat.read(message)).toBeUndefined();
    }),
  );
});

it('writes sound that comes back as it was, within what μ-law can tell', () => {
  fc.assert(
    fc.property(fc.int16Array({ minLength: 160, maxLength: 160 }), (samples) => {
      const back = decodeMulaw(encodeMulaw(samples));
      expect(back).toHaveLength(160);
      samples.forEach((sample, index) => {
        // Steps of a sixteenth of a value at most; the loudest 1 % is cut off.
        expect(Math.abs((back[index] ?? 0) - sample)).toBeLessThanOrEqual(
          Math.max(16, Math.abs(sample) / 15),
        );
      });
    }),
  );
  expect(telnyxFormat.media('s', '/w==')).toEqual({ event: 'media', media: { payload: '/w==' } });
  expect(telnyxFormat.mark('s', 'm')).toEqual({ event: 'mark', mark: { name: 'm' } });
  expect(telnyxFormat.clear('s')).toEqual({ event: 'clear' });
});
