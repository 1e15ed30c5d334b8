import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';

const secretOf = (bytes: number) => `whsec_${Buffer.alloc(bytes, 1).toString('base64')}`;
const production = {
  NODE_ENV: 'production',
  LIVEKIT_API_KEY: 'key',
  LIVEKIT_API_SECRET: 'a-secret-of-more-than-thirty-two-letters',
  ADMIN_API_KEY: 'an-api-key-of-the-tests',
};

describe('WEBHOOK_URLS', () => {
  it('is a list, and names each address once', () => {
    expect(loadConfig({}).WEBHOOK_URLS).toEqual([]);
    const WEBHOOK_URLS = 'https://a.example/x, http://10.0.0.7:8080/y,https://a.example/x';
    expect(loadConfig({ WEBHOOK_URLS }).WEBHOOK_URLS).toEqual([
      'https://a.example/x',
      'http://10.0.0.7:8080/y',
    ]);
  });

  it.each(['a.example', 'ftp://a.example', 'https://user:sesame@a.example'])(
    '%s is a mistake',
    (WEBHOOK_URLS) => {
      expect(() => loadConfig({ WEBHOOK_URLS })).toThrow(/WEBHOOK_URLS/);
      expect(() => loadConfig({ DATA_TOOLS_URL: WEBHOOK_URLS })).toThrow(/DATA_TOOLS_URL/);
      expect(() => loadConfig({ WEBHOOK_URLS })).not.toThrow(/sesame/);
    },
  );
});

describe('WEBHOOK_SECRET', () => {
  it('is one secret, or several while one replaces another', () => {
    const [one, other] = [secretOf(24), secretOf(64)];
    expect(loadConfig({ WEBHOOK_SECRET: one }).WEBHOOK_SECRET).toEqual([one]);
    expect(loadConfig({ WEBHOOK_SECRET: `${one},${other}` }).WEBHOOK_SECRET).toEqual([one, other]);
  });

  it.each(['sesame', secretOf(23), secretOf(65), 'whsec_sesame!'])(
    '%s is a mistake that is not repeated',
    (secret) => {
      expect(() => loadConfig({ WEBHOOK_SECRET: secret })).toThrow(/WEBHOOK_SECRET.*openssl/);
      expect(() => loadConfig({ WEBHOOK_SECRET: secret })).not.toThrow(secret);
    },
  );

  it('is needed outside development by who tells or asks anybody', () => {
    for (const told of [{ WEBHOOK_URLS: 'https://a.example' }, { DATA_TOOLS_URL: 'https://a.example' }]) {
      expect(loadConfig(told)).toMatchObject({ WEBHOOK_SECRET: [] });
      expect(() => loadConfig({ ...production, ...told })).toThrow(/WEBHOOK_SECRET is not set/);
      const secret = secretOf(32);
      expect(loadConfig({ ...production, ...told, WEBHOOK_SECRET: secret }).WEBHOOK_SECRET).toEqual([secret]);
    }
    expect(loadConfig(production).WEBHOOK_URLS).toEqual([]);
  });
});
