import { ParticipantKind, RoomEvent } from '@livekit/rtc-node';
import { afterEach, expect, it } from 'vitest';
import { watchCallerLine } from '../../../src/agent/phone/caller-line.ts';
import { findSession } from '../../../src/agent/phone/find-session.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import { type HttpReceiver, startHttpReceiver } from '../../support/http-receiver.ts';
import { type TestParticipant, TestRoom } from '../room.ts';

const log = createLogger('test', 'silent');

class EmptyRoom extends TestRoom {
  isConnected = true;
  metadata = '';
  name = 'call-1';

  come(person: TestParticipant): void {
    this.remoteParticipants.set(person.identity, person);
    this.emit(RoomEvent.ParticipantConnected, person);
  }
}

const ANA = { identity: 'ana', info: { kind: ParticipantKind.STANDARD }, attributes: {} };
const CALLER = {
  identity: 'sip_1',
  info: { kind: ParticipantKind.SIP },
  attributes: { 'sip.phoneNumber': '+34600000001', 'sip.callID': 'c-1', 'sip.callStatus': 'active' },
};

let api: HttpReceiver | undefined;
let room: EmptyRoom;

afterEach(async () => {
  room.emit(RoomEvent.Disconnected);
  await api?.stop();
  api = undefined;
});

function find(here: TestParticipant[], given = '') {
  room = new EmptyRoom();
  for (const person of here) room.come(person);
  const connected = Promise.resolve();
  const line = watchCallerLine(room.asRoom(), connected);
  const config = loadConfig({ NODE_ENV: 'test', ...(api && { API_URL: new URL(api.url).origin }) });
  return findSession(config, room.asRoom(), { given, connected, line, log });
}

async function startApi(): Promise<HttpReceiver> {
  api = await startHttpReceiver();
  api.answer = (_request, response) =>
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ metadata: 'of the call' }));
  return api;
}

it('a room that names its session has nobody waited for', async () => {
  expect(await find([], 'given')).toEqual({ metadata: 'given' });
});

it('somebody without a telephone in a room of others is nobody’s session', async () => {
  expect(await find([ANA])).toEqual({ metadata: '' });
});

it('an empty room is made ready before anybody comes', async () => {
  const { metadata, later } = await find([]);
  expect(metadata).toBe('');
  room.come(ANA);
  expect(await later).toBeUndefined();
});

it('an empty room that is named meanwhile has its session when somebody comes', async () => {
  const { later } = await find([]);
  room.metadata = 'named';
  room.come(ANA);
  expect(await later).toBe('named');
});

it('a caller by SIP has the session that the API opens, also who comes late', async () => {
  const { received } = await startApi();
  const unknown = { channel: 'sip', phone: { direction: 'inbound' } };
  expect(await find([CALLER])).toEqual({ metadata: 'of the call', unknown });
  expect(received).toMatchObject([
    { url: '/calls/sip', body: { room: 'call-1', caller: '+34600000001', sip_call_id: 'c-1' } },
  ]);
  const { metadata, later } = await find([]);
  expect(metadata).toBe('');
  room.come(CALLER);
  expect(await later).toBe('of the call');
});
