import { EventEmitter } from 'node:events';
import { voice } from '@livekit/agents';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { speakFailures } from '../../src/agent/failures.ts';
import { loadPrompts } from '../../src/agent/prompts.ts';
import { CharlaError } from '../../src/errors.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { TestRoom } from './room.ts';

const { phrases } = loadPrompts('es');
beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

function call() {
  const room = new TestRoom();
  const said: string[] = [];
  const ended: (() => void)[] = [];
  const session = Object.assign(new EventEmitter(), {
    say: (text: string) => {
      said.push(text);
      return { addDoneCallback: (callback: () => void) => ended.push(callback) };
    },
  });
  speakFailures(
    session as unknown as voice.AgentSession,
    room.asRoom(),
    phrases,
    createLogger('test', 'silent'),
  );
  const fail = (type: string, cause?: Error) => {
    const error = { type, error: new Error('502 Bad Gateway', { cause }) };
    session.emit(voice.AgentSessionEventTypes.Error, { error });
  };
  return { room, said, fail, endSpeech: () => ended.splice(0).map((callback) => callback()) };
}

it('a failure to hear is told to the caller and to the page, with its code', () => {
  const { room, said, fail } = call();
  const cause = new CharlaError('CHARLA_PROVIDER_TIMEOUT', {
    kind: 'speech-to-text',
    url: 'http://127.0.0.1:1',
    timeoutMs: 6000,
  });
  fail('stt_error', cause);
  expect(said).toEqual([phrases.not_heard]);
  expect(room.sent.map(({ value }) => value)).toEqual([
    { code: 'CHARLA_PROVIDER_TIMEOUT', message: 'Model endpoint is too slow' },
  ]);
});

it('a failure of the model is told to the page alone: its sentence stands in the place of the answer', () => {
  const { room, said, fail } = call();
  fail('llm_error');
  expect(said).toEqual([]);
  expect(room.sent).toHaveLength(1);
});

it('a voice that fails at the apology too makes no second one, until some time has passed', () => {
  const { said, fail, endSpeech } = call();
  fail('tts_error');
  fail('tts_error');
  endSpeech();
  vi.advanceTimersByTime(1_000);
  fail('tts_error');
  expect(said).toEqual([phrases.voice_failed]);
  vi.advanceTimersByTime(10_000);
  fail('tts_error');
  expect(said).toEqual([phrases.voice_failed, phrases.voice_failed]);
});
