import { expect, it } from 'vitest';
import { createApiKey } from '../../src/config/api-keys.ts';
import { loadConfig } from '../../src/config/config.ts';
import { configuredSecrets } from '../../src/config/secrets.ts';

const livekit = { LIVEKIT_API_KEY: 'key', LIVEKIT_API_SECRET: 'a-secret-of-more-than-thirty-two-letters' };
const AUTH_SECRET = 'a-secret-for-tokens-of-users-0123456789';

it('an application key is enough to start outside development', () => {
  const { entry } = createApiKey('shop', ['sessions']);
  const env = { NODE_ENV: 'production', ...livekit };
  expect(() => loadConfig(env)).toThrow(/neither ADMIN_API_KEY nor API_KEYS/);
  expect(loadConfig({ ...env, API_KEYS: entry }).API_KEYS).toHaveLength(1);
});

it.each([
  [{ AUTH_SECRET: 'short' }, /AUTH_SECRET is shorter than 32 bytes/],
  [{ AUTH_SECRET, AUTH_JWKS_URL: 'https://id.example/jwks' }, /both set/],
  [{ AUTH_JWKS_URL: 'http://id.example/jwks' }, /AUTH_JWKS_URL is not https/],
  [{ AUTH_SECRET: livekit.LIVEKIT_API_SECRET, ...livekit }, /AUTH_SECRET is LIVEKIT_API_SECRET/],
  [{ AUTH_SECRET, ADMIN_API_KEY: AUTH_SECRET }, /AUTH_SECRET is .*ADMIN_API_KEY/],
  [{ AUTH_ISSUER: 'https://id.example' }, /AUTH_ISSUER is set without/],
  [{ CORS_ORIGINS: 'shop.example' }, /CORS_ORIGINS has shop.example/],
  [{ CORS_ORIGINS: 'https://shop.example/path' }, /no origin/],
  [{ CORS_ORIGINS: '*' }, /no origin/],
  [{ TRUST_PROXY: 'true' }, /TRUST_PROXY has true/],
  [{ TRUST_PROXY: '1' }, /TRUST_PROXY has 1/],
  [{ TRUST_PROXY: '10.0.0.0/99' }, /TRUST_PROXY/],
  [{ REDIS_URL: 'http://127.0.0.1' }, /REDIS_URL/],
])('%j stops the start', (env, problem) => {
  expect(() => loadConfig(env)).toThrow(problem);
});

it('takes what is right', () => {
  expect(
    loadConfig({
      AUTH_JWKS_URL: 'http://localhost:9000/jwks',
      AUTH_AUDIENCE: 'charla',
      CORS_ORIGINS: 'https://Shop.example/, http://localhost:3000',
      TRUST_PROXY: 'loopback, 10.0.0.0/8, fd00::/8',
    }),
  ).toMatchObject({
    CORS_ORIGINS: ['https://shop.example', 'http://localhost:3000'],
    TRUST_PROXY: ['loopback', '10.0.0.0/8', 'fd00::/8'],
  });
});

it('knows its own secrets by value, and not the development pair', () => {
  const secrets = configuredSecrets({
    ADMIN_API_KEY: 'admin-key-0123456789',
    OPENAI_API_KEY: 'openai-key-0123456789',
    LIVEKIT_API_KEY: 'APIabcdefgh',
    LIVEKIT_API_SECRET: 'charla-development-secret-loopback-only',
    DATABASE_URL: 'postgres://charla:p%40ssword1@db/charla',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=collector-key-1,b=short',
    PROJECT_NAME: 'nothing secret',
  });
  expect(secrets.toSorted()).toEqual(
    [
      'admin-key-0123456789',
      'openai-key-0123456789',
      'p@ssword1',
      'x-key=collector-key-1,b=short',
      'collector-key-1',
    ].toSorted(),
  );
});
