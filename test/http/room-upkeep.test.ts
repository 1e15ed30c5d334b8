import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRoomUpkeep } from '../../src/http/room-upkeep.ts';
import { createLiveKit, type LiveKit } from '../../src/rooms/livekit.ts';
import { openRoom, openRooms } from '../../src/rooms/open-room.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../support/livekit-server.ts';

const log = createLogger('test', 'fatal');
let server: TestLivekitServer;
let livekit: LiveKit;
let home: string;
let isAway = false;
/** Rooms that another session has. */
const taken = new Set<string>();

beforeAll(async () => {
  server = await startLivekitServer();
  home = await mkdtemp(join(tmpdir(), 'charla-test-'));
  livekit = createLiveKit(testConfig(server));
});
afterAll(async () => {
  await server?.stop();
  await rm(home, { recursive: true });
});

function upkeep() {
  const sometimesAway: LiveKit = {
    request: (operation, options) =>
      isAway ? Promise.reject(new Error('away')) : livekit.request(operation, options),
  };
  const getByRoom = async (room: string) => (taken.has(room) ? ({ room } as never) : undefined);
  return createRoomUpkeep({ CHARLA_HOME: home }, sometimesAway, { getByRoom }, log);
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

it('deletes files under CHARLA_HOME, and none elsewhere', async () => {
  await writeFile(join(home, 'call.ogg'), 'sound');
  const elsewhere = await mkdtemp(join(tmpdir(), 'charla-test-'));
  await writeFile(join(elsewhere, 'call.ogg'), 'sound');
  await upkeep().removeFiles(['call.ogg', 'gone.ogg', `../${elsewhere.split('/').at(-1)}/call.ogg`]);
  expect([await readdir(home), await readdir(elsewhere)]).toEqual([[], ['call.ogg']]);
  await rm(elsewhere, { recursive: true });
});
