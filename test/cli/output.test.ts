import { readFile } from 'node:fs/promises';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { createChildLog } from '../../src/cli/dev/child-log.ts';
import { livekitConfig } from '../../src/cli/dev/livekit-config.ts';
import { readyTable } from '../../src/cli/dev/ready-table.ts';
import { printError } from '../../src/cli/print-error.ts';
import { createProgram } from '../../src/cli/program.ts';
import { DEVELOPMENT_LIVEKIT_KEY, DEVELOPMENT_LIVEKIT_SECRET, loadConfig } from '../../src/config/config.ts';
import { CharlaError } from '../../src/errors.ts';
import { resolveProviders } from '../../src/providers/resolve.ts';

const LIVEKIT_FILE = new URL('../../livekit.yaml', import.meta.url);

afterEach(() => vi.unstubAllEnvs());

describe('an error in the terminal', () => {
  const printed = (error: unknown) => {
    let text = '';
    printError(error, (more) => {
      text += more;
    });
    return stripVTControlCharacters(text);
  };

  it('is its title, its code and a sentence that says what to do, without a stack', () => {
    vi.stubEnv('LOG_LEVEL', 'info');
    const text = printed(new CharlaError('CHARLA_USER_NOT_FOUND', { id: 'x', known: 'juan' }));
    expect(text).toBe(
      '\nUser not found CHARLA_USER_NOT_FOUND\nThere is no user «x». The example hook knows: juan.\n',
    );
  });

  it('that nobody foresaw shows its message and how to learn more', () => {
    vi.stubEnv('LOG_LEVEL', 'info');
    const text = printed(new TypeError('x is not a function'));
    expect(text).toContain('CHARLA_INTERNAL');
    expect(text).toContain('x is not a function');
    expect(text).not.toContain('at ');
  });

  it('shows its stack and its causes with LOG_LEVEL=debug', () => {
    vi.stubEnv('LOG_LEVEL', 'debug');
    const text = printed(new CharlaError('CHARLA_INTERNAL', {}, { cause: new Error('underneath') }));
    expect(text).toMatch(/caused by Error: underneath\n\s+at /);
  });
});

describe('the log of the children', () => {
  const logged = (level: string, ...lines: string[]) => {
    let text = '';
    const log = createChildLog(level, (more) => {
      text += more;
    });
    for (const line of lines) log.line('serve', line);
    return stripVTControlCharacters(text);
  };

  it('shows JSON events as time, level, message and fields, with the name of the child', () => {
    const text = logged(
      'info',
      '{"level":30,"time":1700000000000,"pid":1,"hostname":"h","name":"serve","port":8000,"msg":"listening"}',
    );
    expect(text).toMatch(/^serve {5}│ \[\d\d:\d\d:\d\d\] INFO: listening \{"port":8000\}\n$/);
  });

  it("understands livekit-server's lines", () => {
    const text = logged(
      'info',
      '{"level":"warn","ts":1795261916.78,"logger":"livekit","caller":"a.go:1","msg":"no servers available","room":"r"}',
    );
    expect(text).toMatch(/^serve {5}│ \[\d\d:\d\d:\d\d\] WARN: no servers available \{"room":"r"\}\n$/);
  });

  it('leaves other lines as they are, and empty ones out', () => {
    expect(logged('info', 'plain words', '', '{not json')).toBe(
      'serve     │ plain words\nserve     │ {not json\n',
    );
  });

  it('leaves out what is below the level', () => {
    expect(logged('warn', '{"level":20,"msg":"a"}', '{"level":40,"msg":"b"}')).toMatch(
      /^serve {5}│ .*WARN: b\n$/,
    );
  });

  it('puts the name before every line of a stack', () => {
    const error = {
      level: 50,
      msg: 'failed',
      err: { type: 'Error', message: 'm', stack: 'Error: m\n    at f' },
    };
    for (const line of logged('info', JSON.stringify(error)).trimEnd().split('\n')) {
      expect(line).toMatch(/^serve {5}│ /);
    }
  });
});

describe('livekit.yaml', () => {
  it('has the port and the keys of the default configuration, and keeps to loopback', async () => {
    const file = parse(await readFile(LIVEKIT_FILE, 'utf8'));
    expect(file.port).toBe(7880);
    expect(file.keys).toEqual({ [DEVELOPMENT_LIVEKIT_KEY]: DEVELOPMENT_LIVEKIT_SECRET });
    expect(file.bind_addresses).toEqual(['127.0.0.1']);
    expect(file.rtc).toMatchObject({
      use_external_ip: false,
      node_ip: '127.0.0.1',
      stun_servers: ['127.0.0.1:3478'],
    });
  });

  it('gets the port and the keys of another configuration, and media two ports above', async () => {
    const LIVEKIT_API_SECRET = 'another-secret-of-32-characters-or-more';
    const config = loadConfig({
      LIVEKIT_URL: 'ws://127.0.0.1:17880',
      LIVEKIT_API_KEY: 'k',
      LIVEKIT_API_SECRET,
    });
    const file = parse(await livekitConfig(config, LIVEKIT_FILE));
    expect(file).toMatchObject({
      port: 17880,
      keys: { k: LIVEKIT_API_SECRET },
      rtc: { udp_port: 17882, tcp_port: 0 },
    });
    expect(Object.keys(file.keys)).toEqual(['k']);
  });
});

describe('the table of charla dev', () => {
  it('says what runs where, what does not work, and where the page is, and no secret', async () => {
    const config = loadConfig({ LLM_PROVIDER: 'local', PORT: '18000' });
    const table = stripVTControlCharacters(
      readyTable({
        config,
        providers: await resolveProviders(config),
        livekit: undefined,
        pid: (name) => (name === 'worker' ? 4711 : undefined),
        problems: ['llm is down: it does not answer.'],
        readyAfterMs: 6234,
      }),
    );
    expect(table).toMatch(/livekit +│ ws:\/\/127\.0\.0\.1:7880 +│ – +│ ran already/);
    expect(table).toMatch(
      /inference +│ http:\/\/127\.0\.0\.1:8090\/v1 +│ – +│ whisper-base, qwen2\.5-0\.5b, kokoro/,
    );
    expect(table).toMatch(/worker +│ http:\/\/127\.0\.0\.1:8081 +│ 4711/);
    expect(table).toContain('! llm is down: it does not answer.');
    expect(table).toContain('Ready in 6.2 s. Open http://localhost:18000');
    expect(table).not.toContain(config.LIVEKIT_API_SECRET);
  });
});

describe('charla --help', () => {
  it('names every command, and each one says what it is for', async () => {
    const help = (await createProgram(['--help'])).helpInformation();
    for (const name of ['dev', 'serve', 'worker', 'inference', 'models']) {
      expect(help).toMatch(new RegExp(`^  ${name} .*\\w`, 'm'));
      const command = (await createProgram([name])).commands.find((one) => one.name() === name);
      expect(command?.helpInformation()).toMatch(/^[A-Z].{20}/m);
    }
  });
});
