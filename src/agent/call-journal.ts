import { randomUUID } from 'node:crypto';
import { type llm, voice } from '@livekit/agents';
import type { Config } from '../config/config.ts';
import {
  MOST_TOOLS,
  MOST_TURN_CHARACTERS,
  type NewCallEvent,
  type Stages,
  type ToolCall,
} from '../telemetry/call-event.ts';
import type { Logger } from '../telemetry/log.ts';
import { NO_SESSION } from './call-context.ts';
import { CallUsage } from './call-usage.ts';
import { EventQueue } from './journal/event-queue.ts';
import { HeldEvents } from './journal/held-events.ts';

/** Takes the events of a call: an {@link EventQueue}. */
export type EventSink = Pick<EventQueue, 'write' | 'close'>;

/**
 * The journal of a call that begins; none for a room that is not ours, of which the API knows nothing.
 *
 * @param options.call - its id, where the API has one already
 * @param options.later - id of the session of a call that begins without, as soon as it has one
 */
export function openCallJournal(
  config: Config,
  sessionId: string,
  log: Logger,
  {
    call = randomUUID(),
    later,
  }: { call?: string | undefined; later?: Promise<string | undefined> | undefined } = {},
): CallJournal | undefined {
  const queue = () => new EventQueue(config, call, log);
  if (sessionId !== NO_SESSION) return new CallJournal(sessionId, queue());
  return later && new CallJournal(sessionId, new HeldEvents(later, queue, log));
}

/** Writes what happens in a call into its history: when it began and ended, each turn as it was heard, what it took. */
export class CallJournal {
  readonly #sessionId: string;
  readonly #sink: EventSink;
  readonly #usage = new CallUsage();
  /** Called since the agent's last turn. */
  #tools: ToolCall[] = [];
  /** Sound of the last speech that was interrupted, ms. */
  #heardMs: number | undefined;
  #outcome: (reason: string) => string | undefined = (reason) => reason;
  #hungUp = false;
  #state: 'waiting' | 'running' | 'ended' = 'waiting';

  constructor(sessionId: string, sink: EventSink) {
    this.#sessionId = sessionId;
    this.#sink = sink;
  }

  /**
   * Listens to a session, which has not started yet.
   *
   * @param output - what the caller hears
   * @param call.bargeInMs - how long the agent took to fall silent, when it was last interrupted
   * @param call.outcome - what the history calls the framework's reason for the end; undefined: it is not over yet
   */
  follow(
    session: voice.AgentSession,
    output: voice.AudioOutput,
    {
      bargeInMs,
      outcome,
    }: { bargeInMs: () => number | undefined; outcome: (reason: string) => string | undefined },
  ): void {
    const { AgentSessionEventTypes: on } = voice;
    this.#outcome = outcome;
    session.on(on.MetricsCollected, ({ metrics }) => this.#usage.add(metrics));
    session.on(on.FunctionToolsExecuted, ({ functionCalls, functionCallOutputs }) => {
      for (const [index, { name, createdAt }] of functionCalls.entries()) {
        const result = functionCallOutputs[index];
        if (result === undefined) continue;
        this.#tools.push({ name, ok: !result.isError, ms: Math.max(0, result.createdAt - createdAt) });
      }
    });
    output.on(voice.AudioOutput.EVENT_PLAYBACK_FINISHED, (finished: voice.PlaybackFinishedEvent) => {
      this.#heardMs = finished.interrupted ? Math.round(finished.playbackPosition * 1000) : undefined;
    });
    session.on(on.ConversationItemAdded, ({ item }) => {
      if (item.type !== 'message') return;
      if (item.role === 'user') this.#userTurn(item);
      if (item.role === 'assistant') this.#agentTurn(item, bargeInMs());
    });
    session.on(on.Close, ({ reason }) => this.#end(reason));
  }

  /** Told that somebody came: without, there is no call. */
  began(): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'running';
    this.#sink.write({ type: 'call.started', at: now(), session_id: this.#sessionId });
  }

  /** Told that the person has hung up: that is why the call ends, whoever is quicker to end this process. */
  hungUp(): void {
    this.#hungUp = true;
  }

  /** Ends the call, if nobody has, and brings what was written to the API or onto disk. */
  async close(): Promise<void> {
    if (this.#hungUp) this.#end(voice.CloseReason.PARTICIPANT_DISCONNECTED);
    this.#end(voice.CloseReason.JOB_SHUTDOWN);
    await this.#sink.close();
  }

  #userTurn(item: llm.ChatMessage): void {
    this.#unheardTools();
    const { transcriptionDelay, endOfTurnDelay } = item.metrics;
    const latencies = {
      ...ms('stt_ms', transcriptionDelay),
      ...ms('end_of_turn_ms', endOfTurnDelay),
    };
    this.#turn({ ...said(item), role: 'user', interrupted: false, latencies, tools: [] });
  }

  #agentTurn(item: llm.ChatMessage, bargeInMs: number | undefined): void {
    const { interrupted, metrics } = item;
    const heardMs = this.#heardMs;
    this.#heardMs = undefined;
    const latencies = {
      ...ms('llm_first_token_ms', metrics.llmNodeTtft),
      ...ms('tts_first_audio_ms', metrics.ttsNodeTtfb),
      ...ms('voice_to_voice_ms', metrics.e2eLatency),
      ...(interrupted && bargeInMs !== undefined && { barge_in_ms: bargeInMs }),
    };
    this.#turn({
      ...said(item),
      role: 'assistant',
      interrupted,
      ...(interrupted && heardMs !== undefined && { interrupted_at_ms: heardMs }),
      latencies,
      tools: this.#takeTools(),
    });
  }

  /** Tools whose answer nobody heard: a turn without words. */
  #unheardTools(): void {
    const tools = this.#takeTools();
    if (tools.length === 0) return;
    this.#turn({ at: now(), text: '', role: 'assistant', interrupted: true, latencies: {}, tools });
  }

  #takeTools(): ToolCall[] {
    const tools = this.#tools;
    this.#tools = [];
    return tools.slice(0, MOST_TOOLS);
  }

  #turn(turn: Omit<Extract<NewCallEvent, { type: 'turn' }>, 'type'>): void {
    if (this.#state !== 'running') return;
    this.#sink.write({ type: 'turn', ...turn });
  }

  #end(reason: string): void {
    const why = this.#state === 'running' ? this.#outcome(reason) : undefined;
    if (why === undefined) return;
    this.#unheardTools();
    this.#state = 'ended';
    // One word, whatever the framework calls it.
    const outcome = why.replace(/\W+/g, '_').slice(0, 64) || 'unknown';
    this.#sink.write({ type: 'call.ended', at: now(), outcome, usage: this.#usage.models });
  }
}

/** What was said, and since when. */
function said(item: llm.ChatMessage): { at: string; text: string } {
  const { startedSpeakingAt } = item.metrics;
  const at = new Date(startedSpeakingAt === undefined ? item.createdAt : startedSpeakingAt * 1000);
  const text = (item.textContent ?? '').replaceAll('\0', '').slice(0, MOST_TURN_CHARACTERS);
  return { at: at.toISOString(), text };
}

function now(): string {
  return new Date().toISOString();
}

/** The framework's metrics are in seconds; a clock that was set back makes none. */
function ms<K extends keyof Stages>(name: K, seconds: number | undefined): { [key in K]?: number } {
  if (seconds === undefined || seconds < 0) return {};
  return { [name]: Math.round(seconds * 1000) } as { [key in K]: number };
}
