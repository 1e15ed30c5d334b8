import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { assertNodeVersion, checkPorts } from '../../src/cli/dev/check-machine.ts';
import { assertPortsFree, portHolder } from '../../src/cli/dev/port-holder.ts';
import { loadConfig } from '../../src/config/config.ts';
import { freePort, startLivekitServer } from '../support/livekit-server.ts';

const CHILD = fileURLToPath(new URL('fixtures/child.mjs', import.meta.url));

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function listeningProcess(...args: string[]): Promise<{ port: number; pid: number }> {
  const port = await freePort();
  const child = spawn(process.execPath, [...args, CHILD, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  ends.push(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  await once(child.stdout, 'data');
  return { port, pid: child.pid ?? 0 };
}

async function listen(port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  ends.push(() => new Promise((resolve) => server.close(resolve)));
  return server;
}

async function config(more: Record<string, string> = {}) {
  return loadConfig({
    PORT: String(await freePort()),
    WORKER_PORT: String(await freePort()),
    INFERENCE_PORT: String(await freePort()),
    LIVEKIT_URL: `ws://127.0.0.1:${await freePort()}`,
    ...more,
  });
}

describe('the Node.js version', () => {
  it('is refused when it is older than package.json says', async () => {
    await expect(assertNodeVersion('v20.18.3')).rejects.toMatchObject({ code: 'CHARLA_NODE_TOO_OLD' });
    await expect(assertNodeVersion('v20.19.0')).resolves.toBeUndefined();
    await expect(assertNodeVersion('v24.1.0')).resolves.toBeUndefined();
  });
});

describe('a port that is taken', () => {
  it('is named with its holder, by process id and command', async () => {
    const { port, pid } = await listeningProcess();
    expect(await portHolder(port)).toBe(`pid ${pid} (node ${CHILD} ${port})`);
  });

  it('is an error that names the service, the variable and the holder', async () => {
    const { port, pid } = await listeningProcess();
    const check = assertPortsFree([
      { port: await freePort(), host: '127.0.0.1', service: 'nothing', variable: 'NONE' },
      { port, host: '127.0.0.1', service: 'the HTTP API', variable: 'PORT' },
    ]);
    await expect(check).rejects.toThrow(
      new RegExp(
        `^Port ${port}, which the HTTP API needs, is taken by pid ${pid} .*set PORT to another port`,
      ),
    );
  });

  it('whose holder is unknown is still an error', async () => {
    expect(await portHolder(await freePort())).toBe('another program');
  });

  it('stops the start for each service', async () => {
    for (const variable of ['PORT', 'WORKER_PORT', 'INFERENCE_PORT'] as const) {
      const settings = await config();
      await listen(settings[variable]);
      const check = checkPorts(settings, { inference: true });
      await expect(check).rejects.toMatchObject({ code: 'CHARLA_PORT_TAKEN', fields: { variable } });
    }
  });

  it('of the local models does not matter when none is used', async () => {
    const settings = await config();
    await listen(settings.INFERENCE_PORT);
    expect(await checkPorts(settings, { inference: false })).toBe(false);
  });

  it('of livekit-server, held by something that is none, is an error too', async () => {
    const settings = await config();
    await listen(Number(new URL(settings.LIVEKIT_URL).port));
    const check = checkPorts(settings, { inference: false });
    await expect(check).rejects.toMatchObject({
      code: 'CHARLA_PORT_TAKEN',
      fields: { service: 'livekit-server', variable: 'LIVEKIT_URL' },
    });
  });

  it("of livekit-server's media, which is UDP and two above, is an error too", async () => {
    const settings = await config();
    const port = Number(new URL(settings.LIVEKIT_URL).port) + 2;
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
    ends.push(() => new Promise<void>((resolve) => socket.close(resolve)));
    const check = checkPorts(settings, { inference: false });
    await expect(check).rejects.toMatchObject({
      code: 'CHARLA_PORT_TAKEN',
      fields: { port, service: expect.stringContaining('media'), variable: 'LIVEKIT_URL' },
    });
  });
});

describe('telephone calls', () => {
  it('need the port of livekit-sip, by UDP and TCP', async () => {
    const port = await freePort();
    const settings = await config({ SIP_PORT: String(port) });
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
    ends.push(() => new Promise<void>((resolve) => socket.close(resolve)));
    expect(await checkPorts(settings, { inference: false })).toBe(false);
    await expect(checkPorts(settings, { inference: false, sip: true })).rejects.toMatchObject({
      code: 'CHARLA_PORT_TAKEN',
      fields: { port, variable: 'SIP_PORT' },
    });
  });

  it('need a livekit-server that we start: one that runs already has no Redis of ours', async () => {
    const livekit = await startLivekitServer();
    ends.push(() => livekit.stop());
    const settings = await config({
      LIVEKIT_URL: livekit.url,
      LIVEKIT_API_KEY: livekit.apiKey,
      LIVEKIT_API_SECRET: livekit.apiSecret,
      SIP_PORT: String(await freePort()),
    });
    expect(await checkPorts(settings, { inference: false })).toBe(true);
    await expect(checkPorts(settings, { inference: false, sip: true })).rejects.toMatchObject({
      code: 'CHARLA_SIP_NEEDS_OWN_LIVEKIT',
    });
  });
});

describe('a livekit-server on another machine', () => {
  it('that does not answer is an error, not a reason to start one here', async () => {
    const settings = await config({ LIVEKIT_URL: `ws://nowhere.invalid:7880` });
    await expect(checkPorts(settings, { inference: false })).rejects.toMatchObject({
      code: 'CHARLA_LIVEKIT_UNAVAILABLE',
    });
  });
});
