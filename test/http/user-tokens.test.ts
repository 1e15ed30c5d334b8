import { createServer, type Server } from 'node:http';
import { exportJWK, exportSPKI, type GenerateKeyPairResult, generateKeyPair, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createUserTokens } from '../../src/http/user-tokens.ts';

const SECRET = 'a-secret-for-tokens-of-users-0123456789';
const bytes = (text: string) => new TextEncoder().encode(text);

/** A token of five minutes for Ana, unless said otherwise. */
function token(claims: object = {}, { exp = '5m' }: { exp?: string | null } = {}): SignJWT {
  const signer = new SignJWT({ sub: 'ana', ...claims });
  return exp === null ? signer : signer.setExpirationTime(exp);
}
const hs256 = (signer: SignJWT, secret = SECRET) =>
  signer.setProtectedHeader({ alg: 'HS256' }).sign(bytes(secret));

function verifierOf(env: Record<string, string>) {
  const verify = createUserTokens({
    AUTH_JWKS_URL: undefined,
    AUTH_SECRET: undefined,
    AUTH_ISSUER: undefined,
    AUTH_AUDIENCE: undefined,
    ...env,
  });
  if (verify === undefined) throw new Error('nothing is configured');
  return verify;
}

describe('a token of a user by AUTH_SECRET', () => {
  const verify = verifierOf({ AUTH_SECRET: SECRET });

  it('says who it is', async () => {
    expect(await verify(await hs256(token()))).toEqual({ userId: 'ana' });
  });

  it('does not count when it has expired, never expires, is for nobody, or is not yet valid', async () => {
    expect(await verify(await hs256(token({}, { exp: '-1m' })))).toEqual({ why: 'the token has expired' });
    expect(await verify(await hs256(token({}, { exp: null })))).toEqual({
      why: '«exp» of the token is not right',
    });
    for (const sub of ['', undefined]) {
      expect(await verify(await hs256(token({ sub })))).toHaveProperty('why');
    }
    const later = token().setNotBefore('1h');
    expect(await verify(await hs256(later))).toEqual({ why: '«nbf» of the token is not right' });
  });

  it('does not count when another secret, another algorithm or nobody signed it', async () => {
    const other = await hs256(token(), 'another-secret-for-tokens-0123456789');
    const hs512 = await token()
      .setProtectedHeader({ alg: 'HS512' })
      .sign(bytes(SECRET.repeat(2)));
    const [header = '', payload = '', signature = ''] = (await hs256(token())).split('.');
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const eve = part({ sub: 'eve', exp: 4_000_000_000 });
    for (const forged of [
      other,
      hs512,
      `${part({ alg: 'none' })}.${eve}.`,
      `${part({ alg: 'none' })}.${eve}.${signature}`,
      `${header}.${eve}.${signature}`,
      `${header}.${payload}.`,
      'a.b.c',
      '..',
    ]) {
      expect(await verify(forged), forged).toEqual({ why: 'the token is not signed as it has to be' });
    }
  });

  it('has to be from AUTH_ISSUER and for AUTH_AUDIENCE where they are set', async () => {
    const strict = verifierOf({
      AUTH_SECRET: SECRET,
      AUTH_ISSUER: 'https://id.example',
      AUTH_AUDIENCE: 'charla',
    });
    const right = { iss: 'https://id.example', aud: ['other', 'charla'] };
    expect(await strict(await hs256(token(right)))).toEqual({ userId: 'ana' });
    for (const wrong of [{}, { ...right, iss: 'https://evil.example' }, { ...right, aud: 'other' }]) {
      expect(await strict(await hs256(token(wrong)))).toHaveProperty('why');
    }
  });
});

describe('a token of a user by AUTH_JWKS_URL', () => {
  let server: Server;
  let url: string;
  let answer: { status: number; body: string };
  let asked: number;

  beforeEach(async () => {
    asked = 0;
    server = createServer((_request, response) => {
      asked += 1;
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/jwks`;
  });
  afterEach(() => {
    vi.useRealTimers();
    server.close();
    server.closeAllConnections();
  });

  const pair = async (alg: string) => ({
    alg,
    kid: `${alg}-1`,
    ...(await generateKeyPair(alg, { extractable: true })),
  });
  type Pair = GenerateKeyPairResult & { alg: string; kid: string };
  const publish = async (...pairs: Pair[]) => {
    const keys = await Promise.all(
      pairs.map(async ({ publicKey, kid, alg }) => ({
        ...(await exportJWK(publicKey)),
        kid,
        alg,
        use: 'sig',
      })),
    );
    answer = { status: 200, body: JSON.stringify({ keys }) };
  };
  const signed = ({ alg, kid, privateKey }: Pair, signer = token()) =>
    signer.setProtectedHeader({ alg, kid }).sign(privateKey);

  it.each(['RS256', 'ES256', 'EdDSA'])('may be signed by %s; the keys are asked for once', async (alg) => {
    const key = await pair(alg);
    await publish(key);
    const verify = verifierOf({ AUTH_JWKS_URL: url });
    for (let count = 0; count < 3; count++)
      expect(await verify(await signed(key))).toEqual({ userId: 'ana' });
    expect(asked).toBe(1);
  });

  it('does not count when a public key was used as a shared secret, or by an algorithm that is not for it', async () => {
    const key = await pair('RS256');
    await publish(key);
    const verify = verifierOf({ AUTH_JWKS_URL: url });
    const spki = await exportSPKI(key.publicKey);
    const confused = await token().setProtectedHeader({ alg: 'HS256', kid: key.kid }).sign(bytes(spki));
    const pss = await pair('PS256');
    expect(await verify(confused)).toHaveProperty('why');
    expect(await verify(await signed({ ...pss, kid: key.kid }))).toHaveProperty('why');
    expect(await verify(await signed({ ...(await pair('RS256')), kid: key.kid }))).toHaveProperty('why');
  });

  it('counts by a new key once that is published, and no longer by one that was taken back', async () => {
    const old = { ...(await pair('ES256')), kid: 'old' };
    const next = { ...(await pair('ES256')), kid: 'next' };
    await publish(old);
    const verify = verifierOf({ AUTH_JWKS_URL: url });
    expect(await verify(await signed(old))).toEqual({ userId: 'ana' });
    await publish(next);
    // Unknown keys make it ask again twice a minute at most.
    expect(await verify(await signed(next))).toHaveProperty('why');
    expect(asked).toBe(1);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31_000 });
    expect(await verify(await signed(next))).toEqual({ userId: 'ana' });
    expect(await verify(await signed(old))).toHaveProperty('why');
    expect(asked).toBe(2);
  });

  it.each([
    ['is away', 0, ''],
    ['answers an error', 500, '{}'],
    ['answers no JSON', 200, '<html>'],
    ['answers no keys', 200, '{"keys":{}}'],
  ])('cannot be checked while the address of the keys %s', async (_what, status, body) => {
    answer = { status, body };
    if (status === 0) server.close();
    const verify = verifierOf({ AUTH_JWKS_URL: url });
    await expect(verify(await signed(await pair('ES256')))).rejects.toMatchObject({
      code: 'CHARLA_AUTH_UNAVAILABLE',
      status: 503,
    });
  });
});
