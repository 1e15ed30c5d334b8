import { ConnectionState, Room, RoomEvent } from 'livekit-client';
import { createStore } from 'zustand/vanilla';
import { messageOf } from '../../errors.ts';
import { backoffMs } from '../api/backoff.ts';
import { type CharlaApi, RequestError, type Session } from '../api/charla-api.ts';
import type { Language } from '../i18n/messages.ts';
import type { ConversationStore } from './conversation.ts';
import type { DataTools } from './data-tools.ts';
import { isMicrophoneFailure, type Microphone, setMicrophone } from './microphone.ts';
import { type Ending, endingOf, type Problem, problemOf, problemText } from './problem.ts';
import { watchRoom } from './room-events.ts';

export type Phase = 'idle' | 'starting' | 'connecting' | 'live' | 'reconnecting' | 'retrying' | 'ended';

export interface CallState {
  phase: Phase;
  /** The room of this call, of the last one, or an empty one before the first. */
  room: Room;
  session: Session | undefined;
  microphone: Microphone;
  /** Why the last attempt failed. */
  problem: Problem | undefined;
  /** When the next attempt comes, in ms since the epoch; set while `retrying`. */
  retryAt: number | undefined;
  /** The data tools that the agent has. */
  sentDataTools: DataTools | undefined;
}

export interface CallOptions {
  api: CharlaApi;
  conversation: ConversationStore;
  userId: string;
  /** Language and data tools of the next session; asked each time one is started. */
  language: () => Language;
  dataTools: () => DataTools | undefined;
  /** @defaultValue a new `Room` of livekit-client */
  newRoom?: () => Room;
}

/** A call that lived this long was fine: the next attempt after it counts as the first. */
const HEALTHY_MS = 10_000;

export type Call = ReturnType<typeof createCall>;

/**
 * The person's call: starts a session, enters its room, opens the microphone, and does all of it again with back-off when
 * the server or the room is lost, until the person hangs up.
 */
export function createCall(options: CallOptions) {
  const { api, conversation, newRoom = () => new Room() } = options;
  const store = createStore<CallState>(() => ({
    phase: 'idle',
    room: newRoom(),
    session: undefined,
    microphone: 'off',
    problem: undefined,
    retryAt: undefined,
    sentDataTools: undefined,
  }));
  /** Ends the attempt, the call or the wait that is under way; each start has its own. */
  let current: AbortController | undefined;
  let skipWait: (() => void) | undefined;
  let leaveRoom: (() => void) | undefined;
  let attempt = 0;
  let liveSince = 0;
  let wantsMicrophone = true;
  /** The room whose microphone is being opened or muted now. */
  let applyingIn: Room | undefined;

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await open(signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        const problem = problemOf(error);
        if (error instanceof RequestError && !error.isTransient) {
          conversation.record('failed', { reason: problemText(problem) }, 'bad');
          store.setState({ phase: 'ended', problem });
          return;
        }
        await wait(problem, error instanceof RequestError ? error.retryAfterMs : undefined, signal);
      }
    }
  }

  async function open(signal: AbortSignal): Promise<void> {
    store.setState({ phase: 'starting', retryAt: undefined });
    conversation.record('starting');
    const dataTools = options.dataTools();
    const request = { userId: options.userId, language: options.language(), dataTools };
    const session = await api.startSession(request, signal);
    signal.throwIfAborted();
    conversation.record('session', { room: session.room });
    if (dataTools) recordDataSent(dataTools);

    const room = newRoom();
    store.setState({ phase: 'connecting', room, session, sentDataTools: dataTools });
    conversation.startTurns();
    const stopWatching = watchRoom(room, conversation, () => onLost('noAgent', signal));
    let left = false;
    leaveRoom = () => {
      left = true;
      leaveRoom = undefined;
      stopWatching();
      void room.disconnect();
    };
    try {
      await room.connect(session.url, session.token);
    } catch (error) {
      leaveRoom?.();
      throw error;
    }
    signal.throwIfAborted();
    room
      .on(RoomEvent.ConnectionStateChanged, (state) => {
        if (state === ConnectionState.Connected) store.setState({ phase: 'live' });
        else if (state !== ConnectionState.Disconnected) store.setState({ phase: 'reconnecting' });
      })
      .on(RoomEvent.Disconnected, (reason) => {
        if (!left) onLost(endingOf(reason), signal);
      });
    liveSince = Date.now();
    store.setState({ phase: 'live', problem: undefined });
    void applyMicrophone(room);
  }

  function onLost(ending: Ending, signal: AbortSignal): void {
    leaveRoom?.();
    if (ending !== 'lost' && ending !== 'server' && ending !== 'noAgent') {
      finish(ending);
      return;
    }
    conversation.record('lost', { reason: (messages) => messages.ended[ending] }, 'bad');
    if (Date.now() - liveSince > HEALTHY_MS) attempt = 0;
    const again = async () => {
      await wait({ kind: 'lost' }, undefined, signal);
      await run(signal);
    };
    void again();
  }

  async function wait(problem: Problem, retryAfterMs: number | undefined, signal: AbortSignal) {
    const delay = backoffMs(attempt, retryAfterMs);
    attempt += 1;
    conversation.record('retry', { seconds: Math.ceil(delay / 1000), reason: problemText(problem) }, 'warn');
    store.setState({ phase: 'retrying', problem, retryAt: Date.now() + delay });
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delay);
      skipWait = () => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener('abort', skipWait, { once: true });
    });
    skipWait = undefined;
  }

  function finish(ending: Ending): void {
    current = undefined;
    conversation.record('ended', { reason: (messages) => messages.ended[ending] });
    store.setState({ phase: 'ended', problem: undefined, retryAt: undefined, microphone: 'off' });
  }

  function recordDataSent(dataTools: DataTools): void {
    conversation.record('data-sent', { keys: Object.keys(dataTools).join(', ') || '{}' }, 'good');
  }

  async function applyMicrophone(room: Room): Promise<void> {
    store.setState({ microphone: wantsMicrophone ? 'asking' : 'muted' });
    if (applyingIn === room) return;
    applyingIn = room;
    const microphone = await applyLatestWish(room).finally(() => {
      if (applyingIn === room) applyingIn = undefined;
    });
    if (store.getState().room !== room || store.getState().phase === 'ended') return;
    store.setState({ microphone });
    if (isMicrophoneFailure(microphone)) {
      conversation.record('microphone-failed', { reason: microphone }, 'warn');
    } else {
      conversation.record(microphone === 'on' ? 'microphone-on' : 'microphone-off');
    }
  }

  /** The person may change their mind while the browser asks for the microphone. */
  async function applyLatestWish(room: Room): Promise<Microphone> {
    for (;;) {
      const wanted = wantsMicrophone;
      const microphone = await setMicrophone(room.localParticipant, wanted);
      if (wanted === wantsMicrophone) return microphone;
    }
  }

  return {
    store,

    /** Calls; does nothing while a call is open or on its way. */
    start(): void {
      if (current && store.getState().phase !== 'ended') return;
      current = new AbortController();
      attempt = 0;
      void run(current.signal);
    },

    hangUp(): void {
      if (!current) return;
      current.abort();
      leaveRoom?.();
      finish('you');
    },

    /** Ends the wait for the next attempt. */
    retryNow(): void {
      skipWait?.();
    },

    /** Opens or mutes the microphone, for this call and the next ones. */
    async toggleMicrophone(): Promise<void> {
      const { microphone, room, phase } = store.getState();
      // After a failure the button asks for the microphone again.
      wantsMicrophone = isMicrophoneFailure(microphone) || !wantsMicrophone;
      if (phase === 'live' || phase === 'reconnecting') await applyMicrophone(room);
    },

    /**
     * Sends typed words to the agent.
     *
     * @returns whether they were sent
     */
    async sendText(text: string): Promise<boolean> {
      const { room } = store.getState();
      try {
        const { id } = await room.localParticipant.sendText(text, { topic: 'lk.chat' });
        conversation.hear({ id, speaker: 'user', text, final: true, typed: true, startedAt: Date.now() });
        conversation.record('typed');
        return true;
      } catch (error) {
        const reason = messageOf(error);
        conversation.record('typed-failed', { reason }, 'bad');
        return false;
      }
    },

    /**
     * Gives the agent other data tools; without a session they go along with the next one.
     *
     * @returns why it failed, if it did
     */
    async sendDataTools(dataTools: DataTools): Promise<Problem | undefined> {
      const { session, phase } = store.getState();
      if (!session || (phase !== 'live' && phase !== 'reconnecting')) return undefined;
      try {
        await api.replaceDataTools(session, dataTools);
        store.setState({ sentDataTools: dataTools });
        recordDataSent(dataTools);
        return undefined;
      } catch (error) {
        const problem = problemOf(error);
        conversation.record('data-failed', { reason: problemText(problem) }, 'bad');
        return problem;
      }
    },
  };
}
