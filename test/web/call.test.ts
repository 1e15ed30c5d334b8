// @vitest-environment jsdom
import { DisconnectReason } from 'livekit-client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type CharlaApi,
  DEFAULT_SETTINGS,
  RequestError,
  type Session,
  type StartRequest,
} from '../../src/web/api/charla-api.ts';
import { en } from '../../src/web/i18n/en.ts';
import { es } from '../../src/web/i18n/es.ts';
import { createCall } from '../../src/web/state/call.ts';
import { createConversation, describeEntry, toText } from '../../src/web/state/conversation.ts';
import { FakeRoom } from './fake-room.ts';

const SESSION: Session = { session_id: 's1', room: 'r1', identity: 'person', url: 'ws://x', token: 't' };
const UNAVAILABLE = new RequestError({ kind: 'server', detail: 'LiveKit is away.' }, 503, {
  retryAfterMs: 7_000,
});

describe('a call', () => {
  let starts: StartRequest[];
  let failures: Error[];
  let rooms: FakeRoom[];

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('isSecureContext', true);
    starts = [];
    failures = [];
    rooms = [];
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  function open(setUp: (room: FakeRoom) => void = () => undefined) {
    const api: CharlaApi = {
      settings: async () => DEFAULT_SETTINGS,
      userData: async () => ({}),
      replaceDataTools: vi.fn(async () => undefined),
      startSession: async (request) => {
        starts.push(request);
        const failure = failures.shift();
        if (failure) throw failure;
        return SESSION;
      },
    };
    const conversation = createConversation();
    const call = createCall({
      api,
      conversation,
      userId: 'person',
      language: () => 'es',
      dataTools: () => ({ cart: ['laptop'] }),
      newRoom: () => {
        const room = new FakeRoom();
        setUp(room);
        rooms.push(room);
        return room;
      },
    });
    const phase = () => call.store.getState().phase;
    const log = () => conversation.store.getState().log.map((entry) => describeEntry(entry, en));
    const room = () => {
      const last = rooms.at(-1);
      if (!last) throw new Error('there is no room yet');
      return last;
    };
    return { api, call, conversation, phase, log, room };
  }

  const settle = () => vi.advanceTimersByTimeAsync(0);

  it('starts a session, enters its room and opens the microphone', async () => {
    const { call, phase, log } = open();
    call.start();
    expect(phase()).toBe('starting');
    await settle();
    expect(phase()).toBe('live');
    expect(call.store.getState().microphone).toBe('on');
    expect(starts).toEqual([{ userId: 'person', language: 'es', dataTools: { cart: ['laptop'] } }]);
    expect(log()).toEqual([
      'Asking for a session',
      'Session opened in room r1',
      'Data sent: cart',
      'Connected to the room',
      'Microphone open',
    ]);
  });

  it('does not start twice', async () => {
    const { call } = open();
    call.start();
    call.start();
    await settle();
    call.start();
    await settle();
    expect(starts).toHaveLength(1);
  });

  it('tries again by itself, not earlier than the server asked for', async () => {
    failures = [UNAVAILABLE];
    const { call, phase } = open();
    call.start();
    await settle();
    expect(phase()).toBe('retrying');
    expect(call.store.getState().problem).toEqual({ kind: 'server', detail: 'LiveKit is away.' });
    expect(call.store.getState().retryAt).toBeGreaterThanOrEqual(Date.now() + 7_000);
    await vi.advanceTimersByTimeAsync(6_900);
    expect(starts).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(phase()).toBe('live');
    expect(call.store.getState().problem).toBeUndefined();
  });

  it('tries at once when the person asks for it', async () => {
    failures = [UNAVAILABLE];
    const { call, phase } = open();
    call.start();
    await settle();
    call.retryNow();
    await settle();
    expect(phase()).toBe('live');
  });

  it('stops trying when the person hangs up', async () => {
    failures = [UNAVAILABLE];
    const { call, phase } = open();
    call.start();
    await settle();
    call.hangUp();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(phase()).toBe('ended');
    expect(starts).toHaveLength(1);
  });

  it('does not repeat what the server refuses', async () => {
    failures = [new RequestError({ kind: 'server', detail: 'data_tools is not valid.' }, 400, {})];
    const { call, phase } = open();
    call.start();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(phase()).toBe('ended');
    expect(call.store.getState().problem).toEqual({ kind: 'server', detail: 'data_tools is not valid.' });
    expect(starts).toHaveLength(1);
    call.start();
    await settle();
    expect(phase()).toBe('live');
  });

  it('tries again when the room cannot be entered', async () => {
    let refusals = 1;
    const { call, phase } = open((room) => {
      if (starts.length === 1 && refusals-- > 0) room.refusal = new Error('no route');
    });
    call.start();
    await settle();
    expect(phase()).toBe('retrying');
    expect(call.store.getState().problem).toEqual({ kind: 'room', reason: 'no route' });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(phase()).toBe('live');
  });

  it('says so while LiveKit mends the connection', async () => {
    const { call, phase, log, room } = open();
    call.start();
    await settle();
    room().interrupt();
    expect(phase()).toBe('reconnecting');
    room().mend();
    expect(phase()).toBe('live');
    expect(log().slice(-2)).toEqual(['Connection interrupted, reconnecting', 'Connection is back']);
  });

  it('opens a new session in a new room when the room is lost for good', async () => {
    const { call, phase, room } = open();
    call.start();
    await settle();
    const lost = room();
    lost.lose(DisconnectReason.SERVER_SHUTDOWN);
    expect(phase()).toBe('retrying');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(phase()).toBe('live');
    expect(starts).toHaveLength(2);
    expect(room()).not.toBe(lost);
    expect(lost.handlers.size).toBe(0);
  });

  it('waits longer each time when rooms are lost as soon as they open', async () => {
    const { call, room } = open();
    call.start();
    await settle();
    const waits: number[] = [];
    for (let loss = 0; loss < 4; loss += 1) {
      room().lose();
      await settle();
      waits.push((call.store.getState().retryAt ?? 0) - Date.now());
      call.retryNow();
      await settle();
    }
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits.at(-1)).toBeGreaterThan(5_000);
  });

  it.each([
    [DisconnectReason.ROOM_DELETED, 'Call ended (the assistant hung up)'],
    [DisconnectReason.DUPLICATE_IDENTITY, 'Call ended (you entered from another window)'],
  ])('ends, and does not call again, for reason %s', async (reason, line) => {
    const { call, phase, log, room } = open();
    call.start();
    await settle();
    room().lose(reason);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(phase()).toBe('ended');
    expect(log().at(-1)).toBe(line);
    expect(starts).toHaveLength(1);
  });

  it('stays muted in the next call when the person muted', async () => {
    const { call } = open();
    call.start();
    await settle();
    await call.toggleMicrophone();
    expect(call.store.getState().microphone).toBe('muted');
    call.hangUp();
    call.start();
    await settle();
    expect(call.store.getState().microphone).toBe('muted');
  });

  it('goes on without a microphone, and says why there is none', async () => {
    const { call, phase } = open((room) => {
      room.microphoneFailure = Object.assign(new Error('denied'), { name: 'NotAllowedError' });
    });
    call.start();
    await settle();
    expect(phase()).toBe('live');
    expect(call.store.getState().microphone).toBe('denied');
  });

  it.each([1, 2, 3])('ends as wished when M is pressed %i times while the browser asks', async (presses) => {
    const asked: boolean[] = [];
    let grant: () => void = () => undefined;
    const { call, log } = open((room) => {
      room.localParticipant.setMicrophoneEnabled = async (on) => {
        asked.push(on);
        if (asked.length === 1) await new Promise<void>((resolve) => (grant = resolve));
        return undefined;
      };
    });
    call.start();
    await settle();
    expect(call.store.getState().microphone).toBe('asking');
    for (let press = 0; press < presses; press += 1) void call.toggleMicrophone();
    const muted = presses % 2 === 1;
    expect(call.store.getState().microphone).toBe(muted ? 'muted' : 'asking');
    grant();
    await settle();
    expect(call.store.getState().microphone).toBe(muted ? 'muted' : 'on');
    expect(asked).toEqual(muted ? [true, false] : [true]);
    expect(log().at(-1)).toBe(muted ? 'Microphone muted' : 'Microphone open');
  });

  it('asks for the microphone again when it was not there', async () => {
    const { call, room } = open((room) => {
      room.microphoneFailure = Object.assign(new Error('denied'), { name: 'NotAllowedError' });
    });
    call.start();
    await settle();
    room().microphoneFailure = undefined;
    await call.toggleMicrophone();
    expect(call.store.getState().microphone).toBe('on');
  });

  it('says that an insecure page has no microphone', async () => {
    vi.stubGlobal('isSecureContext', false);
    const { call } = open();
    call.start();
    await settle();
    expect(call.store.getState().microphone).toBe('insecure');
  });

  it('writes down both sides, latencies and notices', async () => {
    const { call, conversation, room } = open();
    call.start();
    await settle();
    const segment = (id: string, final: string) => ({ 'lk.segment_id': id, 'lk.transcription_final': final });
    await room().hear('lk.transcription', 'person', ['qué tengo'], segment('u', 'false'));
    await room().hear('lk.transcription', 'person', ['¿Qué tengo?'], segment('u', 'true'));
    await room().hear('lk.transcription', 'agent-1', ['Una ', 'laptop.'], segment('a', 'false'));
    await room().hear('charla.turn', 'agent-1', ['{"turn":1,"voiceToVoiceMs":900}']);
    await room().hear('charla.notice', 'agent-1', ['{"code":"CHARLA_X","message":"The model is away."}']);
    const { utterances, turns, notices } = conversation.store.getState();
    expect(utterances.map(({ speaker, text, final }) => [speaker, text, final])).toEqual([
      ['user', '¿Qué tengo?', true],
      ['agent', 'Una laptop.', true],
    ]);
    expect(turns).toEqual([{ turn: 1, voiceToVoiceMs: 900 }]);
    expect(notices.map(({ code, text }) => [code, toText(text, en)])).toEqual([
      ['CHARLA_X', 'The model is away.'],
    ]);
  });

  it('tells of a failure in the language of the page, and keeps the words for the operator in the log', async () => {
    const { call, conversation, room, log } = open();
    call.start();
    await settle();
    const notice = { code: 'CHARLA_PROVIDER_FAILED', message: 'The llm endpoint at http://x failed.' };
    await room().hear('charla.notice', 'agent-1', [JSON.stringify(notice)]);
    const [shown] = conversation.store.getState().notices;
    expect(toText(shown?.text ?? '', es)).toBe(es.failure.CHARLA_PROVIDER_FAILED);
    expect(toText(shown?.text ?? '', en)).toBe(en.failure.CHARLA_PROVIDER_FAILED);
    expect(log().at(-1)).toContain('The llm endpoint at http://x failed.');
  });

  it('says so when no assistant comes', async () => {
    const { call, conversation } = open();
    call.start();
    await vi.advanceTimersByTimeAsync(16_000);
    expect(conversation.store.getState().notices.map(({ code }) => code)).toEqual(['agent-missing']);
    call.hangUp();
    expect(conversation.store.getState().notices).toEqual([]);
  });

  it('calls again when the assistant was there, left and does not come back', async () => {
    const { call, phase, log, room } = open();
    call.start();
    await settle();
    const abandoned = room();
    abandoned.agentJoins();
    abandoned.agentLeaves();
    await vi.advanceTimersByTimeAsync(14_000);
    expect(phase()).toBe('live');
    await vi.advanceTimersByTimeAsync(4_000);
    expect(phase()).toBe('live');
    expect(room()).not.toBe(abandoned);
    expect(log()).toContain('Room lost (the assistant did not come back)');
  });

  it('stays when the assistant comes back', async () => {
    const { call, room } = open();
    call.start();
    await settle();
    room().agentJoins();
    room().agentLeaves();
    await vi.advanceTimersByTimeAsync(5_000);
    room().agentJoins();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(starts).toHaveLength(1);
  });

  it('sends other data tools into the running call', async () => {
    const { api, call, log } = open();
    expect(await call.sendDataTools({ a: 1 })).toBeUndefined();
    expect(api.replaceDataTools).not.toHaveBeenCalled();
    call.start();
    await settle();
    expect(await call.sendDataTools({ b: 2 })).toBeUndefined();
    expect(api.replaceDataTools).toHaveBeenCalledExactlyOnceWith(SESSION, { b: 2 });
    expect(call.store.getState().sentDataTools).toEqual({ b: 2 });
    expect(log().at(-1)).toBe('Data sent: b');
    vi.mocked(api.replaceDataTools).mockRejectedValueOnce(UNAVAILABLE);
    expect(await call.sendDataTools({ c: 3 })).toEqual({ kind: 'server', detail: 'LiveKit is away.' });
    expect(call.store.getState().sentDataTools).toEqual({ b: 2 });
  });
});
