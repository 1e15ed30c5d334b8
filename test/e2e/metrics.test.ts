import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { STATE_ATTRIBUTE } from '../../src/agent/publish-state.ts';
import { Caller } from '../support/caller.ts';
import { startSession } from '../support/dev-stack.ts';
import { callerSpeech } from '../support/speech.ts';

const { apiUrl, inferenceUrl, metricsUrl } = inject('stack');
const COUNTED = [
  'calls_total',
  'stt_latency_seconds_count',
  'llm_latency_seconds_count',
  'tts_latency_seconds_count',
  'end_of_turn_seconds_count',
  'voice_to_voice_seconds_count',
  'speculative_transcriptions_total',
  'job_process_cpu_seconds_total',
];

let caller: Caller | undefined;
let before: Map<string, number>;

beforeEach(async () => {
  await noCalls();
  before = await sums();
});
afterEach(async () => {
  await caller?.hangUp();
  caller = undefined;
});

/** The metrics of the worker, each summed over its series. */
async function sums(): Promise<Map<string, number>> {
  const text = await (await fetch(metricsUrl)).text();
  const all = new Map<string, number>();
  for (const [, name = '', value] of text.matchAll(/^(\w+)(?:\{.*\})? (\S+)$/gm)) {
    all.set(name, (all.get(name) ?? 0) + Number(value));
  }
  return all;
}

/** Waits until the processes of earlier calls have said that they are over. */
async function noCalls(): Promise<void> {
  await expect.poll(async () => (await sums()).get('active_calls'), { timeout: 20_000 }).toBe(0);
}

it('a call leaves its times with the worker, and shows its state to the room', async () => {
  caller = await Caller.join(await startSession(apiUrl, { user_id: 'ana' }));
  const states: string[] = [];
  caller.room.on('participantAttributesChanged', ({ [STATE_ATTRIBUTE]: state }) => {
    if (state !== undefined) states.push(state);
  });
  await caller.greeted();
  expect((await sums()).get('active_calls')).toBe(1);
  await caller.ask(await callerSpeech(inferenceUrl, '¿Qué pasos me falta completar?'));
  expect(states.join()).toMatch(/PROCESSING,SPEAKING,LISTENING$/);
  const report = caller.messages.find(({ topic }) => topic === 'charla.turn');
  expect(report?.value.statesMs).toMatchObject({
    PROCESSING: expect.any(Number),
    SPEAKING: expect.any(Number),
  });
  await caller.hangUp();
  caller = undefined;

  // The process of the call is gone by then; what it counted is not.
  await noCalls();
  const after = await sums();
  for (const name of COUNTED) expect(after.get(name), name).toBeGreaterThan(before.get(name) ?? 0);
  expect(after.get('job_process_resident_memory_bytes')).toBeGreaterThan(50_000_000);
});
