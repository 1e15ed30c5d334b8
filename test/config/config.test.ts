import { describe, expect, it } from 'vitest';
import {
  configSchema,
  DEVELOPMENT_LIVEKIT_KEY,
  DEVELOPMENT_LIVEKIT_SECRET,
  loadConfig,
} from '../../src/config/config.ts';

const ownKeys = {
  LIVEKIT_API_KEY: 'key',
  LIVEKIT_API_SECRET: 'a-secret-of-more-than-thirty-two-letters',
  ADMIN_API_KEY: 'an-api-key-of-the-tests',
};

describe('the configuration', () => {
  it('needs nothing in development, and an empty variable is none', () => {
    expect(loadConfig({})).toMatchObject({ PORT: 8000, LANGUAGE: 'es', LIVEKIT_URL: 'ws://127.0.0.1:7880' });
    expect(loadConfig({ PORT: '', AGENT_NAME: '  ' })).toMatchObject({ PORT: 8000, AGENT_NAME: 'charla' });
  });

  it('lists every problem at once, by name', () => {
    const env = { PORT: 'x', LIVEKIT_URL: 'ftp://a', LANGUAGE: 'fr', LIVEKIT_API_SECRET: 'short' };
    for (const name of Object.keys(env)) {
      expect(() => loadConfig(env)).toThrow(
        expect.objectContaining({ message: expect.stringContaining(name) }),
      );
    }
    expect(() => loadConfig(env)).toThrow(expect.objectContaining({ code: 'CHARLA_CONFIG_INVALID' }));
  });

  it.each([{ NODE_ENV: 'production' }, { HOST: '0.0.0.0' }])(
    'does not start without keys of its own with %j',
    (env) => {
      expect(() => loadConfig(env)).toThrow(/LIVEKIT_API_KEY.*ADMIN_API_KEY/s);
      expect(loadConfig({ ...env, ...ownKeys })).toMatchObject(ownKeys);
      for (const development of [
        { LIVEKIT_API_KEY: DEVELOPMENT_LIVEKIT_KEY },
        { LIVEKIT_API_SECRET: DEVELOPMENT_LIVEKIT_SECRET },
      ]) {
        expect(() => loadConfig({ ...env, ...ownKeys, ...development })).toThrow(/development pair/);
      }
    },
  );
});

describe('.env.example', () => {
  // `npx vitest run --project unit test/config -u` writes the file anew.
  it('names every variable of the schema with its description and default', async () => {
    const defaults = configSchema.parse({});
    const entries = Object.entries(configSchema.shape).map(([name, schema]) => {
      // The cache folder is a different one on each machine.
      const value = name === 'CHARLA_HOME' ? '' : (defaults[name as keyof typeof defaults] ?? '');
      return `# ${schema.description}\n# ${name}=${value}\n`;
    });
    const intro = [
      '# Copy to .env and take the # off the lines that you change. What is commented out has the value shown;',
      '# nothing after the = means that there is no default, and for CHARLA_HOME ~/.cache/charla.',
      '# The environment wins over .env. Never commit .env.',
      '',
    ];
    const text = `${intro.join('\n')}\n${entries.join('\n')}`;
    await expect(text).toMatchFileSnapshot('../../.env.example');
  });
});
