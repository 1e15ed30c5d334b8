import { RoomAgentDispatch, RoomServiceClient } from 'livekit-server-sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLiveKit } from '../../src/rooms/livekit.ts';
import { openRoom } from '../../src/rooms/open-room.ts';
import { watchCallers } from '../../src/rooms/watch-callers.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../support/livekit-server.ts';

const log = createLogger('test', 'silent');
let server: TestLivekitServer;
let rooms: RoomServiceClient;

beforeAll(async () => {
  server = await startLivekitServer();
  rooms = new RoomServiceClient(server.url.replace('ws', 'http'), server.apiKey, server.apiSecret);
});
afterAll(async () => {
  await server?.stop();
});

const open = (name: string, agentName: string) =>
  rooms.createRoom({ name, agents: [new RoomAgentDispatch({ agentName })] });

it('rooms without a session in which our agent was asked for are watched, each once, and no others', async () => {
  const livekit = createLiveKit(testConfig(server));
  const watched: string[] = [];
  await open('call-1', 'charla');
  await open('of-others', 'another');
  await rooms.createRoom({ name: 'empty' });
  await openRoom(livekit, { room: 'ours', metadata: '{"v":1}', agentName: 'charla' });
  const watch = { watch: (room: string) => void watched.push(room) };
  const stop = watchCallers({ livekit, agentName: 'charla', watch, log, intervalMs: 20 });
  try {
    await expect.poll(() => watched).toEqual(['call-1']);
    await open('call-2', 'charla');
    await expect.poll(() => watched).toEqual(['call-1', 'call-2']);
    // While LiveKit is away nothing ends.
    await server.stop();
    await server.start();
    await open('call-3', 'charla');
    await expect.poll(() => watched, { timeout: 10_000 }).toEqual(['call-1', 'call-2', 'call-3']);
  } finally {
    await stop();
  }
});
