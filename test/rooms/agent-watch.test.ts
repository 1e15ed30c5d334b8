import { Room } from '@livekit/rtc-node';
import { AccessToken } from 'livekit-server-sdk';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AgentWatch } from '../../src/rooms/agent-watch.ts';
import { createLiveKit, type LiveKit } from '../../src/rooms/livekit.ts';
import { openRoom } from '../../src/rooms/open-room.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../support/livekit-server.ts';

let server: TestLivekitServer;
let livekit: LiveKit;
let watch: AgentWatch;

beforeAll(async () => {
  server = await startLivekitServer();
  livekit = createLiveKit(testConfig(server));
  watch = new AgentWatch(livekit, 'charla', createLogger('test', 'fatal'), {
    firstLookMs: 50,
    offeringMs: 100,
    jobStartMs: 500,
    slowestLookMs: 200,
  });
});
afterAll(async () => {
  watch?.close();
  await server?.stop();
});

const open = (room: string) => openRoom(livekit, { room, metadata: '{}', agentName: 'charla' });
const dispatchIds = async (room: string) =>
  (await livekit.request(({ dispatches }) => dispatches.listDispatch(room))).map(({ id }) => id);

async function joinAsAgent(name: string): Promise<Room> {
  const token = new AccessToken(server.apiKey, server.apiSecret, { identity: 'agent-1' });
  token.kind = 'agent';
  token.addGrant({ roomJoin: true, room: name });
  const room = new Room();
  await room.connect(server.url, await token.toJwt(), { autoSubscribe: false, dynacast: false });
  return room;
}

describe('a room that no worker took', () => {
  it('is asked for again and again, and old dispatches go, until an agent is in it', async () => {
    await open('forgotten');
    const [first] = await dispatchIds('forgotten');
    watch.watch('forgotten');
    const seen = new Set<string | undefined>();
    await vi.waitFor(
      async () => {
        const ids = await dispatchIds('forgotten');
        for (const id of ids) seen.add(id);
        expect(seen.size).toBeGreaterThanOrEqual(4);
        expect(ids).not.toContain(first);
      },
      { timeout: 10_000, interval: 30 },
    );
    const agent = await joinAsAgent('forgotten');
    await vi.waitFor(() => expect(watch.pending).toBe(0), { timeout: 5_000 });
    const left = await dispatchIds('forgotten');
    await agent.disconnect();
    expect(left.length).toBeLessThan(seen.size);
    // livekit-server lists them in any order.
    expect(new Set(await dispatchIds('forgotten'))).toEqual(new Set(left));
  });

  it('is forgotten when it is closed', async () => {
    await open('closed');
    watch.watch('closed');
    watch.watch('closed');
    expect(watch.pending).toBe(1);
    await livekit.request(({ rooms }) => rooms.deleteRoom('closed'));
    await vi.waitFor(() => expect(watch.pending).toBe(0), { timeout: 5_000 });
  });

  it('is looked after again when livekit-server comes back', async () => {
    await open('outage');
    watch.watch('outage');
    await server.stop();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(watch.pending).toBe(1);
    await server.start();
    await vi.waitFor(() => expect(watch.pending).toBe(0), { timeout: 5_000 });
  });
});
