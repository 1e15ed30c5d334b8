import { EventEmitter } from 'node:events';
import { llm, type metrics, voice } from '@livekit/agents';
import { beforeEach, describe, expect, it } from 'vitest';
import { NO_SESSION } from '../../src/agent/call-context.ts';
import { CallJournal, openCallJournal } from '../../src/agent/call-journal.ts';
import { loadConfig } from '../../src/config/config.ts';
import { callEventsSchema, type NewCallEvent } from '../../src/telemetry/call-event.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { numbered } from '../support/call-events.ts';

const on = voice.AgentSessionEventTypes;

let session: EventEmitter;
let output: EventEmitter;
let events: NewCallEvent[];
let closed: number;
let bargeInMs: number | undefined;
let journal: CallJournal;

beforeEach(() => {
  session = new EventEmitter();
  output = new EventEmitter();
  events = [];
  closed = 0;
  bargeInMs = undefined;
  journal = new CallJournal('s1', {
    write: (event) => events.push(event),
    close: async () => {
      closed += 1;
    },
  });
  journal.follow(session as unknown as voice.AgentSession, output as unknown as voice.AudioOutput, {
    bargeInMs: () => bargeInMs,
    outcome: (reason) => (reason === 'transferred' ? undefined : reason),
  });
});

function say(
  role: 'user' | 'assistant',
  content: string,
  more: { metrics?: llm.MetricsReport; interrupted?: boolean } = {},
): void {
  const item = llm.ChatMessage.create({ role, content, createdAt: Date.UTC(2026, 0, 1), ...more });
  session.emit(on.ConversationItemAdded, { item });
}

function tool(name: string, ms: number, isError = false): void {
  const call = llm.FunctionCall.create({ callId: name, name, args: '{}', createdAt: 1_000 });
  const result = llm.FunctionCallOutput.create({ callId: name, output: '', isError, createdAt: 1_000 + ms });
  session.emit(on.FunctionToolsExecuted, { functionCalls: [call], functionCallOutputs: [result] });
}

const turns = () => events.filter((event) => event.type === 'turn');

describe('the journal of a call', () => {
  it('begins when somebody comes, and ends with why', async () => {
    say('assistant', 'Nadie me oye.');
    journal.began();
    journal.began();
    session.emit(on.Close, { reason: 'participant_disconnected' });
    await journal.close();
    expect(events).toEqual([
      { type: 'call.started', at: expect.any(String), session_id: 's1' },
      { type: 'call.ended', at: expect.any(String), outcome: 'participant_disconnected', usage: [] },
    ]);
    expect(closed).toBe(1);
    // And is of the form that the API takes.
    expect(callEventsSchema.parse({ events: numbered(events) }).events).toHaveLength(2);
  });

  it('goes on while others talk in the room that the agent has left', async () => {
    journal.began();
    session.emit(on.Close, { reason: 'transferred' });
    expect(events.map(({ type }) => type)).toEqual(['call.started']);
    await journal.close();
    expect(events.map(({ type }) => type)).toEqual(['call.started', 'call.ended']);
  });

  it('has nothing where nobody came', async () => {
    session.emit(on.Close, { reason: 'job_shutdown' });
    await journal.close();
    expect([events, closed]).toEqual([[], 1]);
  });

  it('ends with the job when the session did not say so, and gives every reason in one word', async () => {
    journal.began();
    await journal.close();
    expect(events.at(-1)).toMatchObject({ outcome: 'job_shutdown' });
    await journal.close();
    expect(events).toHaveLength(2);
  });

  it('has both sides’ words with the stages of each', () => {
    journal.began();
    say('user', '¿Qué tengo?\0', {
      metrics: { startedSpeakingAt: 1_767_225_600.25, transcriptionDelay: 0.25, endOfTurnDelay: 0.3004 },
    });
    say('assistant', 'Una laptop.', { metrics: { llmNodeTtft: 0.12, ttsNodeTtfb: 0.5, e2eLatency: -1 } });
    expect(turns()).toEqual([
      {
        type: 'turn',
        at: '2026-01-01T00:00:00.250Z',
        role: 'user',
        text: '¿Qué tengo?',
        interrupted: false,
        latencies: { stt_ms: 250, end_of_turn_ms: 300 },
        tools: [],
      },
      {
        type: 'turn',
        at: '2026-01-01T00:00:00.000Z',
        role: 'assistant',
        text: 'Una laptop.',
        interrupted: false,
        // A clock that was set back measured nothing.
        latencies: { llm_first_token_ms: 120, tts_first_audio_ms: 500 },
        tools: [],
      },
    ]);
  });

  it('has an interrupted answer as far as it was heard, and how far that was', () => {
    journal.began();
    bargeInMs = 140;
    const finished = (playbackPosition: number, interrupted: boolean) =>
      output.emit(voice.AudioOutput.EVENT_PLAYBACK_FINISHED, { playbackPosition, interrupted });
    finished(1.2345, true);
    say('assistant', 'En el panel tienes', { interrupted: true });
    finished(2, false);
    say('assistant', 'Los informes.');
    expect(turns()).toMatchObject([
      {
        text: 'En el panel tienes',
        interrupted: true,
        interrupted_at_ms: 1235,
        latencies: { barge_in_ms: 140 },
      },
      { text: 'Los informes.', interrupted: false, latencies: {} },
    ]);
    expect(turns()[1]).not.toHaveProperty('interrupted_at_ms');
  });

  it('has the tools of an answer with it, and those whose answer nobody heard before the next words', () => {
    journal.began();
    tool('look_up', 12);
    tool('calculate', 3, true);
    say('assistant', 'Son dos.');
    tool('look_up', 7);
    say('user', 'Espera.');
    tool('look_up', 8);
    session.emit(on.Close, { reason: 'error' });
    expect(turns()).toMatchObject([
      {
        text: 'Son dos.',
        tools: [
          { name: 'look_up', ok: true, ms: 12 },
          { name: 'calculate', ok: false, ms: 3 },
        ],
      },
      { role: 'assistant', text: '', interrupted: true, tools: [{ name: 'look_up', ms: 7 }] },
      { role: 'user', text: 'Espera.', tools: [] },
      { role: 'assistant', text: '', interrupted: true, tools: [{ name: 'look_up', ms: 8 }] },
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'call.ended', outcome: 'error' });
  });

  it('has as many tools of a turn as the API takes', () => {
    journal.began();
    for (let count = 0; count < 120; count += 1) tool('look_up', 1);
    say('assistant', 'Listo.');
    expect(callEventsSchema.parse({ events: numbered(turns()) }).events).toHaveLength(1);
  });

  it('ends with what the call took of each model', () => {
    journal.began();
    const collected = (measured: object) =>
      session.emit(on.MetricsCollected, { metrics: measured as metrics.AgentMetrics });
    const model = (modelName: string) => ({ metadata: { modelName } });
    collected({ type: 'llm_metrics', promptTokens: 10, completionTokens: 4, ...model('qwen') });
    collected({ type: 'llm_metrics', promptTokens: 20, completionTokens: 6, ...model('qwen') });
    collected({ type: 'stt_metrics', streamed: false, audioDurationMs: 1_500.4, ...model('whisper') });
    collected({ type: 'stt_metrics', streamed: true, audioDurationMs: 9_000, ...model('whisper') });
    collected({ type: 'tts_metrics', charactersCount: 40, audioDurationMs: 2_400 });
    collected({ type: 'vad_metrics' });
    session.emit(on.Close, { reason: 'participant_disconnected' });
    const none = { input_tokens: 0, output_tokens: 0, characters: 0, audio_ms: 0 };
    expect(events.at(-1)).toMatchObject({
      usage: [
        { ...none, kind: 'llm', model: 'qwen', requests: 2, input_tokens: 30, output_tokens: 10 },
        { ...none, kind: 'stt', model: 'whisper', requests: 1, audio_ms: 1_500 },
        { ...none, kind: 'tts', model: 'unknown', requests: 1, characters: 40, audio_ms: 2_400 },
      ],
    });
  });

  it('ends because the person hung up, also where the process is ended before the session', async () => {
    journal.began();
    journal.hungUp();
    await journal.close();
    expect(events.at(-1)).toMatchObject({ type: 'call.ended', outcome: 'participant_disconnected' });
    expect(events).toHaveLength(2);
  });

  it('of a call that nobody answered is empty', async () => {
    journal.hungUp();
    await journal.close();
    expect(events).toEqual([]);
  });

  it('is not kept of a room that is not ours', () => {
    expect(openCallJournal(loadConfig({}), NO_SESSION, createLogger('test', 'silent'))).toBeUndefined();
  });
});
