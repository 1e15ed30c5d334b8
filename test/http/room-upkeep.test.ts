import { afterAll, beforeAll, expect, it } from 'vitest';
import { CharlaError } from '../../src/errors.ts';
import { createRoomUpkeep } from '../../src/http/room-upkeep.ts';
import { createTurns } from '../../src/http/turns.ts';
import { createLiveKit, type LiveKit } from '../../src/rooms/livekit.ts';
import { openRoom, openRooms } from '../../src/rooms/open-room.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { startLivekitServer, type TestLivekitServer, testConfig } from '../support/livekit-server.ts';

const log = createLogger('test', 'fatal');
let server: TestLivekitServer;
let livekit: LiveKit;
let isAway = false;
/** Requests that were sent while it was away. */
let tries = 0;
const inTurn = createTurns();
/** Rooms that another session has. */
const taken = new Set<string>();

beforeAll(async () => {
  server = await startLivekitServer();
  livekit = createLiveKit(testConfig(server));
});
afterAll(() => server?.stop());

function upkeep() {
  const sometimesAway: LiveKit = {
    async request(operation, options) {
      if (!isAway) return livekit.request(operation, options);
      tries += 1;
      throw new CharlaError('CHARLA_LIVEKIT_UNAVAILABLE', { url: 'ws://away', reason: 'away' });
    },
  };
  const getByRoom = async (room: string) => (taken.has(room) ? ({ room } as never) : undefined);
  return createRoomUpkeep({ livekit: sometimesAway, sessions: { getByRoom }, log, inTurn });
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

it('asks once for all that waits while LiveKit is away, and then does every one of them', async () => {
  const rooms = upkeep();
  const names = ['one', 'two', 'three'];
  await Promise.all(names.map(open));
  isAway = true;
  for (const room of names) await rooms.close(room);
  tries = 0;
  await rooms.catchUp();
  expect(tries).toBe(1);
  isAway = false;
  await rooms.catchUp();
  expect(await Promise.all(names.map(isOpen))).toEqual([false, false, false]);
});

it('closes no room while it is being opened for its next session', async () => {
  const rooms = upkeep();
  await open('next');
  const closing = inTurn('next', async () => {
    const done = rooms.close('next');
    await new Promise(setImmediate);
    taken.add('next');
    return { done };
  });
  await (await closing).done;
  expect(await isOpen('next')).toBe(true);
});
