import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  apiUrls,
  configSchema,
  inferenceBaseUrl,
  isOn,
  loadConfig,
  serveUrl,
} from '../../src/config/config.ts';
import { DEVELOPMENT_LIVEKIT_KEY, DEVELOPMENT_LIVEKIT_SECRET } from '../../src/config/development.ts';
import { MECHANISMS } from '../../src/config/mechanisms.ts';

const ownKeys = {
  LIVEKIT_API_KEY: 'key',
  LIVEKIT_API_SECRET: 'a-secret-of-more-than-thirty-two-letters',
  ADMIN_API_KEY: 'an-api-key-of-the-tests',
};

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

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

describe('WORKER_METRICS_HOST', () => {
  it('other than loopback needs a key, in development too', () => {
    expect(loadConfig({}).WORKER_METRICS_HOST).toBe('127.0.0.1');
    const env = { WORKER_METRICS_HOST: '0.0.0.0' };
    expect(() => loadConfig(env)).toThrow(/ADMIN_API_KEY.*WORKER_METRICS_HOST/);
    expect(loadConfig({ ...env, ADMIN_API_KEY: ownKeys.ADMIN_API_KEY })).toMatchObject(env);
  });
});

describe('LANGUAGE', () => {
  it.each([
    ['en', 'en'],
    ['es_ES:es', 'es'],
    ['en_US:en', 'en'],
    ['en_US.UTF-8', 'en'],
    ['es-MX', 'es'],
    ['ca:es_ES:en', 'es'],
    ['de_DE:de', 'es'],
  ])('is read where it is %s, as gettext has it', (LANGUAGE, language) => {
    expect(loadConfig({ LANGUAGE }).LANGUAGE).toBe(language);
  });

  it.each(['klingon', 'fr'])('is a mistake where it is %s', (LANGUAGE) => {
    expect(() => loadConfig({ LANGUAGE })).toThrow(/LANGUAGE/);
  });

  it('of .env wins over a list of the session, and over nothing else', async () => {
    await withDotenv('LANGUAGE=es\nPORT=1234\n', () => {
      vi.stubEnv('PORT', '4321');
      vi.stubEnv('LANGUAGE', 'en_US:en');
      expect(loadConfig()).toMatchObject({ LANGUAGE: 'es', PORT: 4321 });
      vi.stubEnv('LANGUAGE', 'en');
      expect(loadConfig().LANGUAGE).toBe('en');
    });
  });
});

describe('OLLAMA_HOST', () => {
  it.each([
    ['0.0.0.0', 'http://127.0.0.1:11434'],
    ['0.0.0.0:1234', 'http://127.0.0.1:1234'],
    ['http://0.0.0.0:11434', 'http://127.0.0.1:11434'],
    ['myhost', 'http://myhost:11434'],
    ['myhost:1234', 'http://myhost:1234'],
    ['myhost:80', 'http://myhost:80'],
    ['myhost/ollama/', 'http://myhost:11434/ollama'],
    [':11434', 'http://127.0.0.1:11434'],
    [':1234', 'http://127.0.0.1:1234'],
    ['::1', 'http://[::1]:11434'],
    ['[::]:1234', 'http://[::1]:1234'],
    ['http://host', 'http://host'],
    ['https://host/ollama', 'https://host/ollama'],
  ])('%s is %s, as Ollama reads it', (OLLAMA_HOST, url) => {
    expect(loadConfig({ OLLAMA_HOST }).OLLAMA_HOST).toBe(url);
  });

  it.each(['ftp://host', 'my host', 'host:port'])('%s is a mistake', (OLLAMA_HOST) => {
    expect(() => loadConfig({ OLLAMA_HOST })).toThrow(/OLLAMA_HOST is not a URL/);
  });
});

describe('CHARLA_HOME', () => {
  it('may begin with ~', () => {
    expect(loadConfig({ CHARLA_HOME: '~/models' }).CHARLA_HOME).toBe(join(homedir(), 'models'));
    expect(loadConfig({ CHARLA_HOME: '/srv/~/x' }).CHARLA_HOME).toBe('/srv/~/x');
  });

  it('is under XDG_CACHE_HOME, which counts as unset when it is empty', () => {
    vi.stubEnv('XDG_CACHE_HOME', '/var/cache');
    expect(loadConfig({}).CHARLA_HOME).toBe('/var/cache/charla');
    vi.stubEnv('XDG_CACHE_HOME', '');
    expect(loadConfig({}).CHARLA_HOME).toBe(join(homedir(), '.cache', 'charla'));
  });
});

describe('the addresses of our own servers', () => {
  it.each([
    ['127.0.0.1', 'http://127.0.0.1:8000'],
    ['0.0.0.0', 'http://127.0.0.1:8000'],
    ['::1', 'http://[::1]:8000'],
    ['::', 'http://[::1]:8000'],
    ['charla.lan', 'http://charla.lan:8000'],
  ])('with HOST=%s are %s', (HOST, url) => {
    const config = loadConfig({ HOST, INFERENCE_HOST: HOST, INFERENCE_PORT: '8000', ...ownKeys });
    expect([serveUrl(config), ...apiUrls(config)]).toEqual([url, url]);
    expect(inferenceBaseUrl(config)).toBe(`${url}/v1`);
    const API_URL = 'https://charla.example, http://10.0.0.2:8000/';
    expect(apiUrls(loadConfig({ HOST, API_URL, ...ownKeys }))).toEqual([
      'https://charla.example',
      'http://10.0.0.2:8000',
    ]);
    expect(() => loadConfig({ API_URL: 'https://charla.example,ftp://a' })).toThrow(/API_URL/);
  });
});

describe('SWITCHED_OFF', () => {
  it('names mechanisms that are left out', () => {
    const config = loadConfig({ SWITCHED_OFF: 'speech-cache, backchannels' });
    expect(isOn(config, 'backchannels')).toBe(false);
    expect(isOn(config, 'turn-shape')).toBe(true);
    expect(MECHANISMS.every((mechanism) => isOn(loadConfig({}), mechanism))).toBe(true);
  });

  it('refuses a name that is none, and says which there are', () => {
    expect(() => loadConfig({ SWITCHED_OFF: 'magic' })).toThrow(/magic.*speech-cache/s);
  });
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

/** Runs with a `.env` of that text in the working folder. */
async function withDotenv(text: string, run: () => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'charla-config-'));
  await writeFile(join(folder, '.env'), text);
  vi.spyOn(process, 'cwd').mockReturnValue(folder);
  try {
    run();
  } finally {
    await rm(folder, { recursive: true });
  }
}
