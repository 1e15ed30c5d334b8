import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readyTable } from '../../src/cli/dev/ready-table.ts';
import { loadConfig } from '../../src/config/config.ts';
import { resolveProviders } from '../../src/providers/resolve.ts';

describe('the table of charla dev', () => {
  it('says what runs where, what does not work, and where the page is, and no secret', async () => {
    const config = loadConfig({ LLM_PROVIDER: 'local', PORT: '18000', DATABASE_URL: 'memory://' });
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
    expect(table).toMatch(/store +│ memory +│ – +│ PGlite, in serve/);
    expect(table).toContain('! llm is down: it does not answer.');
    expect(table).toContain('Ready in 6.2 s. Open http://localhost:18000');
    expect(table).not.toContain(config.LIVEKIT_API_SECRET);
  });

  it('says how to call from a softphone, where telephone calls are taken', async () => {
    const config = loadConfig({ LLM_PROVIDER: 'local', SIP_PORT: '15070' });
    const binary = { version: '1.8.0', source: 'cache', command: 'livekit-sip', args: [] };
    const redis = { version: '7.0.15', source: 'PATH', command: 'redis-server', args: () => [] };
    const options = { config, livekit: binary, pid: () => undefined, problems: [], readyAfterMs: 1 };
    const providers = await resolveProviders(config);
    const sip = { livekitSip: binary, redis, redisPort: 16379 };
    const table = stripVTControlCharacters(readyTable({ ...options, providers, sip }));
    expect(table).toMatch(/redis +│ 127\.0\.0\.1:16379 +│ – +│ 7\.0\.15 \(PATH\)/);
    expect(table).toMatch(/sip +│ sip:127\.0\.0\.1:15070 +│ – +│ 1\.8\.0 \(cache\)/);
    expect(table).toContain('Call sip:+34910000000@127.0.0.1:15070 from a softphone on this machine');
    expect(readyTable({ ...options, providers })).not.toContain('softphone');
  });

  it('names the carriers whose media streams are taken, and no secret of theirs', async () => {
    const config = loadConfig({
      LLM_PROVIDER: 'local',
      PUBLIC_URL: 'https://voice.example',
      TWILIO_ACCOUNT_SID: `AC${'0'.repeat(32)}`,
      TWILIO_AUTH_TOKEN: 'token-of-twilio',
      AUDIOSOCKET_PORT: '19092',
    });
    const options = { livekit: undefined, pid: () => undefined, problems: [], readyAfterMs: 1 };
    const providers = await resolveProviders(config);
    const table = stripVTControlCharacters(readyTable({ ...options, config, providers }));
    expect(table).toContain('HTTP API and page, Twilio, AudioSocket on 127.0.0.1:19092');
    expect(table).not.toContain('token-of-twilio');
    expect(table).not.toContain('Telnyx');
  });

  it('says which database is used, without its password', async () => {
    const DATABASE_URL = 'postgres://charla:sesame@db.example:5433/calls?sslmode=require';
    const config = loadConfig({ LLM_PROVIDER: 'local', DATABASE_URL });
    const providers = await resolveProviders(config);
    const options = { livekit: undefined, pid: () => undefined, problems: [], readyAfterMs: 1 };
    const table = stripVTControlCharacters(readyTable({ ...options, config, providers }));
    expect(table).toMatch(/store +│ postgres:\/\/db\.example:5433\/calls +│ – +│ PostgreSQL/);
    expect(table).not.toContain('sesame');
  });

  it('names the address that the page has, where it is not on loopback', async () => {
    const options = { livekit: undefined, pid: () => undefined, problems: [], readyAfterMs: 1 };
    const key = 'k'.repeat(40);
    const keys = { LIVEKIT_API_KEY: 'ours', LIVEKIT_API_SECRET: key, ADMIN_API_KEY: key };
    const lan = loadConfig({ LLM_PROVIDER: 'local', HOST: '192.168.1.5', ...keys });
    const providers = await resolveProviders(lan);
    const table = readyTable({ ...options, providers, config: lan });
    expect(stripVTControlCharacters(table)).toContain('Open http://192.168.1.5:8000');
  });
});
