import {
  ConnectionState,
  type Participant,
  ParticipantKind,
  type RemoteParticipant,
  type Room,
  RoomEvent,
  type TextStreamReader,
} from 'livekit-client';
import * as z from 'zod/mini';
import type { ConversationStore } from './conversation.ts';
import { describeFailure } from './problem.ts';
import { parseTurn } from './turns.ts';

const AGENT_STATE = 'lk.agent.state';
const SEGMENT_ID = 'lk.segment_id';
const IS_FINAL = 'lk.transcription_final';

/** An agent that is not there after this long is worth a word; one that left and is not back by then is gone. */
const AGENT_PATIENCE_MS = 15_000;

const noticeSchema = z.object({ code: z.string(), message: z.string() });

/**
 * Writes what happens in a room into the conversation: both sides' words (`lk.transcription`), latencies
 * (`charla.turn`), notices (`charla.notice`), and the agent's coming, going and states. To be called before the room
 * is connected, so that nothing of the greeting is missed.
 *
 * @param onAgentGone - the agent was there, left and did not come back: a livekit-server that was started again, say,
 *   lets the person back into a room of which no agent knows
 * @returns ends the watch
 */
export function watchRoom(room: Room, conversation: ConversationStore, onAgentGone: () => void): () => void {
  let agentWasThere = false;
  let patience: ReturnType<typeof setTimeout> | undefined;
  const isAgent = (participant: Participant) => participant.kind === ParticipantKind.AGENT;

  const awaitAgent = () => {
    clearTimeout(patience);
    patience = setTimeout(() => {
      if (agentWasThere) {
        onAgentGone();
        return;
      }
      conversation.record('agent-missing', { seconds: AGENT_PATIENCE_MS / 1000 }, 'warn');
      conversation.notify({ code: 'agent-missing', text: (messages) => messages.notice.agentMissing });
    }, AGENT_PATIENCE_MS);
  };
  const onJoined = (participant: RemoteParticipant) => {
    if (!isAgent(participant)) return;
    agentWasThere = true;
    clearTimeout(patience);
    conversation.dismiss('agent-missing');
    conversation.record('agent-joined', {}, 'good');
    recordState(participant.attributes[AGENT_STATE]);
  };
  const onLeft = (participant: RemoteParticipant) => {
    if (!isAgent(participant)) return;
    conversation.record('agent-left', {}, 'warn');
    awaitAgent();
  };
  const onAttributes = (changed: Record<string, string>, participant: Participant) => {
    if (isAgent(participant)) recordState(changed[AGENT_STATE]);
  };
  const onConnected = () => {
    conversation.record('connected', {}, 'good');
    awaitAgent();
    for (const participant of room.remoteParticipants.values()) onJoined(participant);
  };
  // First the signal is tried again, then the whole connection: for the person that is one interruption.
  let interrupted = false;
  const onConnectionState = (state: ConnectionState) => {
    const isReconnecting =
      state === ConnectionState.Reconnecting || state === ConnectionState.SignalReconnecting;
    if (isReconnecting && !interrupted) conversation.record('reconnecting', {}, 'warn');
    if (state === ConnectionState.Connected && interrupted) conversation.record('reconnected', {}, 'good');
    interrupted = isReconnecting;
  };

  function recordState(state: string | undefined) {
    if (state) conversation.record('agent-state', { state });
  }

  room.registerTextStreamHandler('lk.transcription', (reader, { identity }) =>
    hearSegment(reader, identity === room.localParticipant.identity ? 'user' : 'agent', conversation),
  );
  room.registerTextStreamHandler('charla.turn', async (reader) => {
    const turn = parseTurn(await reader.readAll().catch(() => ''));
    if (!turn) return;
    conversation.addTurn(turn);
    conversation.record('turn', { turn: turn.turn, ms: Math.round(turn.voiceToVoiceMs ?? 0) });
  });
  room.registerTextStreamHandler('charla.notice', async (reader) => {
    const notice = parseNotice(await reader.readAll().catch(() => ''));
    if (!notice) return;
    const { code, message } = notice;
    conversation.notify({ code, text: (messages) => describeFailure(code, message, messages) });
    conversation.record('notice', notice, 'bad');
  });
  room
    .on(RoomEvent.Connected, onConnected)
    .on(RoomEvent.ParticipantConnected, onJoined)
    .on(RoomEvent.ParticipantDisconnected, onLeft)
    .on(RoomEvent.ParticipantAttributesChanged, onAttributes)
    .on(RoomEvent.ConnectionStateChanged, onConnectionState);

  return () => {
    clearTimeout(patience);
    conversation.dismiss('agent-missing');
    for (const topic of ['lk.transcription', 'charla.turn', 'charla.notice']) {
      room.unregisterTextStreamHandler(topic);
    }
    room
      .off(RoomEvent.Connected, onConnected)
      .off(RoomEvent.ParticipantConnected, onJoined)
      .off(RoomEvent.ParticipantDisconnected, onLeft)
      .off(RoomEvent.ParticipantAttributesChanged, onAttributes)
      .off(RoomEvent.ConnectionStateChanged, onConnectionState);
  };
}

/**
 * The agent's words of a segment come as one stream that grows, and are final when it closes; each guess of the
 * person's words comes as a stream of its own with the whole text, and says itself whether it is final.
 */
async function hearSegment(
  reader: TextStreamReader,
  speaker: 'user' | 'agent',
  conversation: ConversationStore,
): Promise<void> {
  const attributes = reader.info.attributes ?? {};
  const id = attributes[SEGMENT_ID] ?? reader.info.id;
  const final = attributes[IS_FINAL] === 'true';
  const startedAt = Date.now();
  let text = '';
  try {
    for await (const chunk of reader) {
      text += chunk;
      conversation.hear({ id, speaker, text, final, typed: false, startedAt });
    }
  } catch {
    // The room was lost in the middle of a sentence: what was heard of it stays.
  }
  if (speaker === 'agent') conversation.hear({ id, speaker, text, final: true, typed: false, startedAt });
}

function parseNotice(text: string): { code: string; message: string } | undefined {
  try {
    const parsed = noticeSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
