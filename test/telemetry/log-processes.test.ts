import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/livekit-server.ts';
import { runCharla } from '../support/run-charla.ts';

const FIXTURE = fileURLToPath(new URL('fixtures/log-secrets.ts', import.meta.url));

/** By what it is, a secret as it may come into a line; the part after `»` must not be seen. */
const SECRETS = {
  'a configured key': '»opensesame-0123456789',
  'a token': 'eyJhbGciOiJIUzI1NiJ9.»eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl',
  'a header': 'authorization: Bearer »q1w2e3r4t5y6u7i8',
  'a cookie': 'cookie: session=»s3cr3t-c00kie',
  'a key of a maker': 'sk-»proj-abcdefghijklmnop',
  'a password in a URL': 'postgres://charla:»p4ssw0rd@db.internal/charla',
  'a telephone number': '+34 »612 345 678',
  'an e-mail address': '»ana.torres@correo.example',
  'data tools': '{"data_tools":{"user_context":{"name":"»Ana Torres"}}}',
  'words of a caller': '{"transcript":"»quiero cancelar mi pedido"}',
};

describe('what real processes write', () => {
  let written: string;
  beforeAll(async () => {
    const { all, exitCode } = await execa('node', ['--import', 'tsx', FIXTURE], {
      all: true,
      reject: false,
      env: {
        SECRET_TEXTS: JSON.stringify(Object.values(SECRETS).map((secret) => secret.replace('»', ''))),
        ADMIN_API_KEY: 'opensesame-0123456789',
        LOG_LEVEL: 'debug',
        NO_COLOR: '1',
      },
    });
    expect(exitCode, all).toBe(1);
    written = all;
  });

  it('comes from every logger', () => {
    for (const name of ['serve', 'worker', 'job', 'inference', 'migrate']) {
      expect(written.split(`"name":"${name}"`).length).toBeGreaterThan(5 * Object.keys(SECRETS).length);
    }
    expect(written).toContain('livekit   │');
    expect(written).toContain('CHARLA_INTERNAL');
    expect(written).toContain('nobody caught this');
  });

  it.each(Object.entries(SECRETS))('has nothing of %s, by whichever logger', (_what, secret) => {
    const hidden = secret.split('»')[1] ?? '';
    expect(written).not.toContain(hidden.split(/[@"]/)[0]);
  });

  it('has nothing of what `charla serve` is configured with and is sent, at the most talkative level', async () => {
    const port = await freePort();
    const nobody = await freePort();
    const env = {
      LOG_LEVEL: 'trace',
      NODE_ENV: 'production',
      PORT: String(port),
      DATABASE_URL: 'memory://',
      LIVEKIT_URL: `ws://127.0.0.1:${nobody}`,
      LIVEKIT_API_KEY: 'APItests',
      LIVEKIT_API_SECRET: 'livekit-secret-of-the-tests-0123456789',
      ADMIN_API_KEY: 'opensesame-0123456789',
      AUTH_SECRET: 'users-secret-of-the-tests-0123456789',
      LLM_BASE_URL: `http://model:m0delpass@127.0.0.1:${nobody}/v1`,
      LLM_API_KEY: 'llm-key-of-the-tests-0123456789',
      REDIS_URL: `redis://:r3dispass@127.0.0.1:${nobody}`,
    };
    const child = runCharla(['serve'], env);
    const url = `http://127.0.0.1:${port}`;
    while (
      !(await fetch(`${url}/settings`).then(
        (response) => response.ok,
        () => false,
      ))
    ) {
      if (child.exitCode !== null) throw new Error('serve has ended');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const headers = {
      'x-api-key': env.ADMIN_API_KEY,
      'content-type': 'application/json',
      cookie: 'id=c00kie-1',
    };
    const user = {
      user_id: 'ana.torres',
      data_tools: { user_context: { name: 'Ana Torres', phone: '612345678' } },
    };
    const post = (path: string, body: string, more = {}) =>
      fetch(url + path, { method: 'POST', headers: { ...headers, ...more }, body }).then(
        ({ status }) => status,
      );
    expect(await post('/session/start', JSON.stringify(user))).toBe(503);
    expect(await post('/session/start', '{"user_id":"ana.torres","language":"quiero cancelar"}')).toBe(400);
    expect(await post('/session/start', '{"user_id":"ana.torres", broken')).toBe(400);
    expect(await post('/token', JSON.stringify(user))).toBe(503);
    expect(await post('/get-user-data', '{"user_id":"ana.torres"}')).toBe(404);
    const guess = { authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl' };
    expect(await post('/session/start', '{}', { ...guess, 'x-api-key': 'guessed-key-1' })).toBe(401);
    await fetch(`${url}/ana.torres@correo.example/+34612345678?token=guessed-key-2`, { headers });
    await fetch(`${url}/health`, { headers });
    child.kill('SIGTERM');
    const { stdout, stderr } = await child;
    const output = stdout + stderr;
    expect(output).toContain('CHARLA_LIVEKIT_UNAVAILABLE');
    expect(output).toContain('"caller":"key admin"');
    expect(output).not.toMatch(
      /opensesame|livekit-secret|users-secret|m0delpass|llm-key|r3dispass|c00kie|guessed-key|eyJ/,
    );
    expect(output).not.toMatch(/torres|612345678|quiero|cancelar/i);
  });

  it('has nothing of what `charla worker` and `charla migrate` are configured with', async () => {
    const nobody = await freePort();
    const env = {
      LOG_LEVEL: 'trace',
      DATABASE_URL: `postgres://charla:p4ssw0rd-1@127.0.0.1:${nobody}/charla`,
      LIVEKIT_URL: `ws://127.0.0.1:${nobody}`,
      LIVEKIT_API_KEY: 'APItests',
      LIVEKIT_API_SECRET: 'livekit-secret-of-the-tests-0123456789',
      OPENAI_API_KEY: 'openai-key-of-the-tests-0123456789',
      WORKER_PORT: String(await freePort()),
      WORKER_METRICS_PORT: String(await freePort()),
    };
    const migrate = await runCharla(['migrate'], env);
    expect(migrate.exitCode).toBe(1);
    const worker = runCharla(['worker'], env);
    let seen = '';
    await new Promise<void>((resolve) => {
      worker.stdout.on('data', (chunk: Buffer) => {
        seen += chunk;
        if (seen.includes('failed to connect to LiveKit')) resolve();
      });
    });
    worker.kill('SIGTERM');
    const { stdout, stderr } = await worker;
    const output = [migrate.stdout, migrate.stderr, stdout, stderr].join('\n');
    expect(output).not.toMatch(/p4ssw0rd-1|livekit-secret|openai-key|eyJ/);
  });
});
