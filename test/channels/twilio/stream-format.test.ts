import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { twilioFormat } from '../../../src/channels/twilio/stream-format.ts';

const label = fc.string({ maxLength: 60 });
const payload = fc.uint8Array({ maxLength: 800 }).map((bytes) => Buffer.from(bytes).toString('base64'));
const chunk = fc.nat();
const number = fc.nat().map(String);
/** What Twilio puts around every message, and what it may add one day. */
const around = fc.record(
  { sequenceNumber: number, streamSid: label, version: fc.string() },
  { requiredKeys: [], noNullPrototype: true },
);

const start = fc
  .record({
    accountSid: label,
    streamSid: label,
    callSid: label,
    tracks: fc.constant(['inbound']),
    mediaFormat: fc.record({
      encoding: fc.constantFrom('audio/x-mulaw', 'audio/l16'),
      sampleRate: fc.constantFrom(8000, 16_000),
      channels: fc.constantFrom(1, 2),
    }),
    customParameters: fc.record({ token: label }, { requiredKeys: [], noNullPrototype: true }),
  })
  .map((body) => ({
    message: { event: 'start', start: body },
    meaning: {
      kind: 'start',
      streamId: body.streamSid,
      callId: body.callSid,
      token: body.customParameters.token,
      ...body.mediaFormat,
    },
  }));
const media = fc
  .record({ chunk, payload, track: fc.constantFrom('inbound', 'outbound'), timestamp: number })
  .map((body) => ({
    message: { event: 'media', media: { ...body, chunk: String(body.chunk) } },
    meaning:
      body.track === 'outbound'
        ? { kind: 'other' }
        : { kind: 'media', chunk: body.chunk, payload: body.payload },
  }));
const others = fc.oneof(
  fc.constantFrom<{ message: object; meaning: object }[]>(
    {
      message: { event: 'connected', protocol: 'Call', version: '1.0.0' },
      meaning: { kind: 'other' },
    },
    { message: { event: 'stop', stop: { accountSid: 'AC', callSid: 'CA' } }, meaning: { kind: 'stop' } },
    { message: { event: 'of a later version' }, meaning: { kind: 'other' } },
  ),
  label.map((digit) => ({
    message: { event: 'dtmf', dtmf: { track: 'inbound_track', digit } },
    meaning: { kind: 'digit', digit },
  })),
  label.map((name) => ({ message: { event: 'mark', mark: { name } }, meaning: { kind: 'mark', name } })),
);

describe('the messages of Twilio', () => {
  it('are read whatever stands around them', () => {
    fc.assert(
      fc.property(fc.oneof(start, media, others), around, ({ message, meaning }, more) => {
        expect(twilioFormat.read({ ...more, ...message })).toEqual(meaning);
      }),
    );
  });

  it('that lack something, or hold something else, are none', () => {
    const events = ['start', 'media', 'dtmf', 'mark'];
    fc.assert(
      fc.property(fc.constantFrom(...events), fc.jsonValue(), (event, body) => {
        fc.pre(typeof body !== 'object' || body === null || Object.keys(body).length === 0);
        expect(twilioFormat.read({ event, [event]: body })).toBeUndefined();
      }),
    );
    expect(twilioFormat.read({ event: 'media', media: { chunk: '1', payload: '¡hola!' } })).toBeUndefined();
    expect(twilioFormat.read({ event: 'media', media: { chunk: '-1', payload: '' } })).toBeUndefined();
  });

  it('are not to be found in anything that is no object with an event', () => {
    fc.assert(
      fc.property(fc.anything(), (junk) => {
        const event = typeof junk === 'object' && junk !== null && 'event' in junk ? junk.event : undefined;
        fc.pre(typeof event !== 'string');
        expect(twilioFormat.read(junk)).toBeUndefined();
      }),
    );
  });

  it('that we send name their stream', () => {
    expect(twilioFormat.media('MZ1', '/////w==')).toEqual({
      event: 'media',
      streamSid: 'MZ1',
      media: { payload: '/////w==' },
    });
    expect(twilioFormat.mark('MZ1', 'a')).toEqual({ event: 'mark', streamSid: 'MZ1', mark: { name: 'a' } });
    expect(twilioFormat.clear('MZ1')).toEqual({ event: 'clear', streamSid: 'MZ1' });
  });
});
