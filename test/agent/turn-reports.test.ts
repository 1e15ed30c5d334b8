import { EventEmitter } from 'node:events';
import { llm, voice } from '@livekit/agents';
import { expect, it } from 'vitest';
import { NOTICE_TOPIC, publishNotice, publishTurnReports, TURN_TOPIC } from '../../src/agent/turn-reports.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { TestRoom } from './room.ts';

const log = createLogger('test', 'silent');

function setUp() {
  const room = new TestRoom();
  const session = new EventEmitter();
  const times = [{ bargeInMs: 140, statesMs: { PROCESSING: 300, SPEAKING: 900 } }];
  const takeTurn = () => times.shift() ?? { statesMs: {} };
  publishTurnReports(session as unknown as voice.AgentSession, room.asRoom(), 'es', log, takeTurn);
  const add = (role: 'user' | 'assistant', metrics: llm.MetricsReport) => {
    const item = llm.ChatMessage.create({ role, content: 'Hola.', metrics });
    session.emit(voice.AgentSessionEventTypes.ConversationItemAdded, { item });
  };
  return { room, add };
}

it('each answered turn is reported with its stages in milliseconds', () => {
  const { room, add } = setUp();
  add('user', { transcriptionDelay: 0.25, endOfTurnDelay: 0.3 });
  add('assistant', { llmNodeTtft: 0.1204, ttsNodeTtfb: 0.5, e2eLatency: 1.2 });
  add('user', {});
  add('assistant', { llmNodeTtft: 0.2 });
  expect(room.sent).toEqual([
    {
      topic: TURN_TOPIC,
      value: {
        turn: 1,
        language: 'es',
        sttMs: 250,
        endOfTurnMs: 300,
        llmFirstTokenMs: 120,
        ttsFirstAudioMs: 500,
        voiceToVoiceMs: 1200,
        bargeInMs: 140,
        statesMs: { PROCESSING: 300, SPEAKING: 900 },
      },
    },
    // What was not measured is absent, and nothing of the turn before it is left.
    { topic: TURN_TOPIC, value: { turn: 2, language: 'es', llmFirstTokenMs: 200, statesMs: {} } },
  ]);
});

it('a greeting, which no model made, is no turn', () => {
  const { room, add } = setUp();
  add('assistant', {});
  expect(room.sent).toEqual([]);
});

it('a notice carries its code and the name of the failure, and nothing of where it happened', () => {
  const room = new TestRoom();
  publishNotice(room.asRoom(), 'CHARLA_PROVIDER_FAILED', log);
  expect(room.sent).toEqual([
    { topic: NOTICE_TOPIC, value: { code: 'CHARLA_PROVIDER_FAILED', message: 'Model endpoint failed' } },
  ]);
});
