import { generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { Telnyx } from 'telnyx';
import { expect, it } from 'vitest';
import { webhookVerifier } from '../../../src/channels/telnyx/verify-webhook.ts';

const keys = generateKeyPairSync('ed25519');
const { x = '' } = keys.publicKey.export({ format: 'jwk' });
const publicKey = Buffer.from(x, 'base64url').toString('base64');
const client = new Telnyx({ apiKey: 'none', publicKey });

/** As Telnyx does; the SDK has no function for it. */
function signed(body: string, timestamp = Math.floor(Date.now() / 1000)) {
  const signature = sign(null, Buffer.from(`${timestamp}|${body}`), keys.privateKey);
  return {
    'telnyx-timestamp': String(timestamp),
    'telnyx-signature-ed25519': signature.toString('base64'),
  };
}

it('takes whatever JSON Telnyx signed, once', async () => {
  const verify = webhookVerifier(client);
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.json(), async (body) => {
      fc.pre(!seen.has(body));
      seen.add(body);
      const headers = signed(body);
      expect(await verify(body, headers)).toEqual(JSON.parse(body));
      await expect(verify(body, headers)).rejects.toMatchObject({ code: 'CHARLA_SIGNATURE_INVALID' });
    }),
  );
});

it('refuses a body, a timestamp or a signature with any change', async () => {
  const change = fc.constantFrom('body', 'telnyx-timestamp', 'telnyx-signature-ed25519');
  await fc.assert(
    fc.asyncProperty(
      fc.json(),
      change,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (body, what, at, by) => {
        const given = { body, ...signed(body) };
        // Of the signature its bytes, of which the text has several spellings.
        const isSignature = what === 'telnyx-signature-ed25519';
        const bytes = Buffer.from(given[what], isSignature ? 'base64' : 'utf8');
        const place = at % bytes.length;
        bytes[place] = (bytes[place] ?? 0) ^ by;
        const { body: changed, ...headers } = {
          ...given,
          [what]: bytes.toString(isSignature ? 'base64' : 'utf8'),
        };
        await expect(webhookVerifier(client)(changed, headers)).rejects.toMatchObject({
          code: 'CHARLA_SIGNATURE_INVALID',
        });
      },
    ),
  );
});

it('refuses any headers that are none, and the same body spelt again', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string(), fc.string(), async (timestamp, signature) => {
      const headers = { 'telnyx-timestamp': timestamp, 'telnyx-signature-ed25519': signature };
      await expect(webhookVerifier(client)('{}', headers)).rejects.toMatchObject({
        code: 'CHARLA_SIGNATURE_INVALID',
      });
    }),
  );
  const verify = webhookVerifier(client);
  const headers = signed('{}');
  expect(await verify('{}', headers)).toEqual({});
  // The last letter of 64 bytes has four bits that say nothing.
  const other = headers['telnyx-signature-ed25519'].replace(/.==$/, (end) => `${respelt(end)}==`);
  expect(Buffer.from(other, 'base64')).toEqual(Buffer.from(headers['telnyx-signature-ed25519'], 'base64'));
  await expect(verify('{}', { ...headers, 'telnyx-signature-ed25519': other })).rejects.toMatchObject({
    code: 'CHARLA_SIGNATURE_INVALID',
  });
});

it('is right for five minutes, before and after', async () => {
  const now = Math.floor(Date.now() / 1000);
  const verify = webhookVerifier(client);
  for (const timestamp of [now - 295, now + 295]) {
    expect(await verify('{}', signed('{}', timestamp))).toEqual({});
  }
  for (const timestamp of [now - 310, now + 310]) {
    await expect(verify('{}', signed('{}', timestamp))).rejects.toThrow(/last five minutes/);
  }
});

/** Another letter of base64 with the same two highest bits. */
function respelt([letter = 'A']: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  return alphabet[alphabet.indexOf(letter) ^ 1] ?? letter;
}
