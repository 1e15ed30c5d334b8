import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRoomUpkeep } from '../../src/http/room-upkeep.ts';
import { createLiveKit, type LiveKit } from '../../src/rooms/livekit.ts';
import { openRoom, openRooms } from '../../src/rooms/open-room.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../support/livekit-server.ts';

const log = createLogger('test', 'fatal');
let server: TestLivekitServer;
let livekit: LiveKit;
let isAway = false;
/** Rooms that another session has. */
const taken = new Set<string>();

beforeAll(async () => {
  server = await startLivekitServer();
  livekit = createLiveKit(testConfig(server));
});
afterAll(() => server?.stop());

function upkeep() {
  const sometimesAway: LiveKit = {
    request: (operation, options) =>
      isAway ? Promise.reject(new Error('away')) : livekit.request(operation, options),
  };
  const getByRoom = async (room: string) => (taken.has(room) ? ({ room } as never) : undefined);
  return createRoomUpkeep(sometimesAway, { getByRoom }, log);
}

const open = (room: string) => openRoom(livekit, { room, metadata: '', agentName: 'charla' });
const isOpen = async (room: string) => (await openRooms(livekit, [room])).has(room);

it('closes rooms, and those that could not be closed as soon as LiveKit is back', async () => {
  const rooms = upkeep();
  await Promise.all([open('now'), open('later')]);
  await rooms.close('now');
  await rooms.close('never opened');
  isAway = true;
  await rooms.close('later');
  await rooms.catchUp();
  isAway = false;
  expect([await isOpen('now'), await isOpen('later')]).toEqual([false, true]);
  await rooms.catchUp();
  expect(await isOpen('later')).toBe(false);
});

it('leaves a room alone that another session has by then', async () => {
  const rooms = upkeep();
  await open('reused');
  isAway = true;
  await rooms.close('reused');
  isAway = false;
  taken.add('reused');
  await rooms.catchUp();
  expect(await isOpen('reused')).toBe(true);
});
