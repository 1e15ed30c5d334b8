import { Room } from '@livekit/rtc-node';
import { AccessToken, RoomServiceClient } from 'livekit-server-sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isAbandoned, isOwnRoom } from '../../src/agent/own-room.ts';
import { startLivekitServer, type TestLivekitServer } from '../support/livekit-server.ts';

let server: TestLivekitServer;
let rooms: RoomServiceClient;

beforeAll(async () => {
  server = await startLivekitServer();
  rooms = new RoomServiceClient(server.url.replace('ws', 'http'), server.apiKey, server.apiSecret);
});
afterAll(async () => {
  await server?.stop();
});

async function join(name: string, identity: string): Promise<Room> {
  const token = new AccessToken(server.apiKey, server.apiSecret, { identity });
  token.addGrant({ roomJoin: true, room: name });
  const room = new Room();
  await room.connect(server.url, await token.toJwt(), { autoSubscribe: false, dynacast: false });
  return room;
}

it('a room that was opened anew by whoever came too late is another one, and nobody needs it', async () => {
  const { sid } = await rooms.createRoom({ name: 'call' });
  const early = await join('call', 'early');
  expect(await isOwnRoom(early, sid)).toBe(true);
  expect(await isOwnRoom(early, '')).toBe(true);
  await early.disconnect();
  await rooms.deleteRoom('call');
  const late = await join('call', 'late');
  expect(await isOwnRoom(late, sid)).toBe(false);
  expect(isAbandoned(late)).toBe(true);
  const person = await join('call', 'person');
  await expect.poll(() => isAbandoned(late), { timeout: 10_000 }).toBe(false);
  await person.disconnect();
  await expect.poll(() => isAbandoned(late), { timeout: 10_000 }).toBe(true);
  await rooms.updateRoomMetadata('call', '{"v":1}');
  await expect.poll(() => isAbandoned(late), { timeout: 10_000 }).toBe(false);
  await late.disconnect();
});
