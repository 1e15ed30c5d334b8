import fc from 'fast-check';
import twilio from 'twilio';
import { describe, expect, it } from 'vitest';
import { isSignedByTwilio } from '../../../src/channels/twilio/signature.ts';

const token = fc.stringMatching(/^[0-9a-f]{32}$/);
const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,12}$/);
const form = fc.dictionary(name, fc.string({ unit: 'grapheme', maxLength: 40 }), {
  maxKeys: 12,
  noNullPrototype: true,
});
const url = fc
  .tuple(fc.webPath(), fc.webQueryParameters())
  .map(([path, query]) => `https://voice.example/api${path}${query === '' ? '' : `?${query}`}`);

describe('the signature of Twilio', () => {
  it('made by its own SDK is taken, with any form', () => {
    fc.assert(
      fc.property(token, url, form, (secret, address, fields) => {
        const signature = twilio.getExpectedTwilioSignature(secret, address, fields);
        expect(isSignedByTwilio(secret, { url: address, signature, body: { form: fields } })).toBe(true);
      }),
    );
  });

  it('counts for no other address, form, token or signature', () => {
    const request = fc.record({ secret: token, address: url, fields: form });
    fc.assert(
      fc.property(request, request, fc.string({ maxLength: 40 }), (one, other, junk) => {
        const signature = twilio.getExpectedTwilioSignature(one.secret, one.address, one.fields);
        const expected = twilio.getExpectedTwilioSignature(other.secret, other.address, other.fields);
        fc.pre(signature !== expected && junk !== signature);
        const isSigned = (secret: string, address: string, fields: object, given: string) =>
          isSignedByTwilio(secret, { url: address, signature: given, body: { form: { ...fields } } });
        expect(isSigned(other.secret, other.address, other.fields, signature)).toBe(false);
        expect(isSigned(one.secret, one.address, one.fields, junk)).toBe(false);
        const longer = { ...one.fields, CallSid0: 'CA1' };
        expect(isSigned(one.secret, one.address, longer, signature)).toBe(false);
        const elsewhere = one.address.replace('/api', '/apx');
        expect(isSigned(one.secret, elsewhere, one.fields, signature)).toBe(false);
        for (let at = 0; at < signature.length; at += 7) {
          const changed = signature[at] === 'A' ? 'B' : 'A';
          const wrong = `${signature.slice(0, at)}${changed}${signature.slice(at + 1)}`;
          expect(isSigned(one.secret, one.address, one.fields, wrong)).toBe(false);
        }
      }),
    );
  });

  it('over JSON counts for that body alone', () => {
    fc.assert(
      fc.property(token, fc.json(), fc.json(), (secret, json, other) => {
        const address = `https://voice.example/hook?bodySHA256=${twilio.getExpectedBodyHash(json)}`;
        const signature = twilio.getExpectedTwilioSignature(secret, address, {});
        expect(isSignedByTwilio(secret, { url: address, signature, body: { json } })).toBe(true);
        const isOtherSigned = isSignedByTwilio(secret, { url: address, signature, body: { json: other } });
        expect(isOtherSigned).toBe(json === other);
        const bare = 'https://voice.example/hook';
        const bareSignature = twilio.getExpectedTwilioSignature(secret, bare, {});
        expect(isSignedByTwilio(secret, { url: bare, signature: bareSignature, body: { json } })).toBe(false);
      }),
    );
  });

  it('over an address that is none is not valid, and no failure', () => {
    expect(isSignedByTwilio('x', { url: 'nowhere', signature: 'y', body: { form: {} } })).toBe(false);
  });
});
