import { type llm, voice } from '@livekit/agents';
import type { Room } from '@livekit/rtc-node';
import type { Language } from '../config/config.ts';
import { ERRORS, type ErrorCode } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import type { TurnTimes } from './call-observer.ts';

/** Topic of the text stream that carries a {@link TurnReport} for each answered turn. */
export const TURN_TOPIC = 'charla.turn';
/** Topic of the text stream that tells the page of failures: `{code, message}`. */
export const NOTICE_TOPIC = 'charla.notice';

/** Where the time of a turn went, ms; a stage that was not measured is absent. */
export interface TurnReport {
  turn: number;
  language: Language;
  /** End of the caller's speech to its text. */
  sttMs?: number;
  /** End of the caller's speech to the decision that the turn is over. */
  endOfTurnMs?: number;
  /** Request to the model's first token. */
  llmFirstTokenMs?: number;
  /** First text at the voice to its first sound. */
  ttsFirstAudioMs?: number;
  /** End of the caller's speech to the first sound of the answer, as the agent hears it. */
  voiceToVoiceMs?: number;
  /** The caller's first sound over the answer to the agent's silence. */
  bargeInMs?: number;
  /** Time in each state of the call since the turn before; a state that it was not in is absent. */
  statesMs: TurnTimes['statesMs'];
}

/**
 * Publishes a {@link TurnReport} to the room, and logs it, whenever a turn was answered.
 *
 * @param takeTurn - the times since the last turn
 */
export function publishTurnReports(
  session: voice.AgentSession,
  room: Room,
  language: Language,
  log: Logger,
  takeTurn: () => TurnTimes,
): void {
  let turn = 0;
  let asked: llm.MetricsReport = {};
  session.on(voice.AgentSessionEventTypes.ConversationItemAdded, ({ item }) => {
    if (item.type !== 'message') return;
    if (item.role === 'user') {
      asked = item.metrics;
      return;
    }
    if (item.role !== 'assistant' || item.metrics.llmNodeTtft === undefined) return;
    turn += 1;
    const report: TurnReport = {
      turn,
      language,
      ...ms('sttMs', asked.transcriptionDelay),
      ...ms('endOfTurnMs', asked.endOfTurnDelay),
      ...ms('llmFirstTokenMs', item.metrics.llmNodeTtft),
      ...ms('ttsFirstAudioMs', item.metrics.ttsNodeTtfb),
      ...ms('voiceToVoiceMs', item.metrics.e2eLatency),
      ...takeTurn(),
    };
    log.info({ ...report, interrupted: item.interrupted }, 'turn answered');
    publish(room, TURN_TOPIC, report, log);
    asked = {};
  });
}

/** Tells the page what failed. Addresses and what a server answered stay in the log: this is the caller's browser. */
export function publishNotice(room: Room, code: ErrorCode, log: Logger): void {
  publish(room, NOTICE_TOPIC, { code, message: ERRORS[code].title }, log);
}

function publish(room: Room, topic: string, value: object, log: Logger): void {
  room.localParticipant?.sendText(JSON.stringify(value), { topic }).catch((error: unknown) => {
    log.debug({ err: error, topic }, 'not published; the room is closing');
  });
}

/** The framework's metrics are in seconds. */
function ms<K extends string>(name: K, seconds: number | undefined): { [key in K]?: number } {
  return seconds === undefined ? {} : ({ [name]: Math.round(seconds * 1000) } as { [key in K]: number });
}
