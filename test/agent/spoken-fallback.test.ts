import { ReadableStream } from 'node:stream/web';
import { setTimeout as sleep } from 'node:timers/promises';
import type { llm } from '@livekit/agents';
import { describe, expect, it } from 'vitest';
import { type SpokenFallbackOptions, withSpokenFallback } from '../../src/agent/spoken-fallback.ts';

type Piece = string | llm.ChatChunk;
type Step = Piece | number | Error;
type Failure = Parameters<SpokenFallbackOptions['onFailure']>[0];

/** Pieces as a model gives them; a number waits that many ms, an error ends the stream with it. */
function model(...script: Step[]) {
  const state = { cancelled: false };
  const stream = new ReadableStream<Piece>({
    async start(controller) {
      for (const step of script) {
        if (typeof step === 'number') await sleep(step);
        else if (step instanceof Error) return controller.error(step);
        else if (!state.cancelled) controller.enqueue(step);
      }
      if (!state.cancelled) controller.close();
    },
    cancel() {
      state.cancelled = true;
    },
  });
  return { stream, state };
}

function guarded(stream: ReadableStream<Piece>, more: Partial<SpokenFallbackOptions> = {}) {
  const failures: Failure[] = [];
  let ends = 0;
  const answer = withSpokenFallback(stream, {
    firstTokenTimeoutMs: 100,
    stallTimeoutMs: 100,
    failed: 'No puedo.',
    brokeOff: 'Se cortó.',
    onFailure: (failure) => failures.push(failure),
    onEnd: () => {
      ends += 1;
    },
    ...more,
  });
  return { answer, failures, ends: () => ends };
}

async function all(stream: ReadableStream<Piece>): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}

const chunk = (delta: llm.ChatChunk['delta']): llm.ChatChunk => ({ id: '1', ...(delta && { delta }) });
const BROKEN = new Error('500');

describe('an answer with a spoken fallback', () => {
  it('is the answer when all goes well', async () => {
    const { answer, failures, ends } = guarded(model('Tienes', 10, ' dos').stream);
    expect(await all(answer)).toEqual(['Tienes', ' dos']);
    expect(failures).toEqual([]);
    expect(ends()).toBe(1);
  });

  it('is an answer too when it only calls a tool', async () => {
    const call = chunk({
      role: 'assistant',
      toolCalls: [{ type: 'function_call', name: 'x', args: '{}' } as never],
    });
    const { answer, failures } = guarded(model(call, chunk(undefined)).stream);
    expect(await all(answer)).toEqual([call, chunk(undefined)]);
    expect(failures).toEqual([]);
  });

  it('may take as long as it wants in all, as long as it goes on', async () => {
    const { answer, failures } = guarded(model(...[60, 'a', 60, 'b', 60, 'c']).stream);
    expect(await all(answer)).toEqual(['a', 'b', 'c']);
    expect(failures).toEqual([]);
  });

  it.each([
    ['never comes', [5_000], { reason: 'timeout', began: false }],
    ['is empty', [], { reason: 'empty', began: false }],
    [
      'has a role and no words',
      [chunk({ role: 'assistant', content: '' })],
      { reason: 'empty', began: false },
    ],
    ['is an error', [BROKEN], { reason: 'error', began: false, error: BROKEN }],
  ])('is an apology when the answer %s', async (_, script, failure) => {
    const { stream, state } = model(...(script as Step[]));
    const { answer, failures, ends } = guarded(stream);
    expect((await all(answer)).at(-1)).toBe('No puedo.');
    expect(failures).toEqual([failure]);
    expect(ends()).toBe(1);
    expect(state.cancelled).toBe(failure.reason === 'timeout');
  });

  it.each([
    ['falls silent', [5_000], { reason: 'timeout', began: true }],
    ['ends with an error', [10, BROKEN], { reason: 'error', began: true, error: BROKEN }],
  ])('says so when it %s after it began', async (_, script, failure) => {
    const { stream, state } = model('Tienes', ...(script as Step[]));
    const { answer, failures } = guarded(stream);
    expect(await all(answer)).toEqual(['Tienes', ' Se cortó.']);
    expect(failures).toEqual([failure]);
    expect(state.cancelled).toBe(failure.reason === 'timeout');
  });

  it('says so when its stream ends quietly and the model reported an error', async () => {
    const { answer, failures } = guarded(model('Tienes').stream, { error: () => BROKEN });
    expect(await all(answer)).toEqual(['Tienes', ' Se cortó.']);
    expect(failures).toEqual([{ reason: 'error', began: true, error: BROKEN }]);
  });

  it('tells of no failure when it is given up before its first word', async () => {
    const { stream, state } = model(5_000, 'Tienes');
    const { answer, failures, ends } = guarded(stream);
    const reader = answer.getReader();
    const first = reader.read();
    await reader.cancel();
    expect(await first).toMatchObject({ done: true });
    expect(state.cancelled).toBe(true);
    expect(failures).toEqual([]);
    expect(ends()).toBe(1);
  });

  it('stops the model when the caller interrupts', async () => {
    const { stream, state } = model('Tienes', 5_000);
    const { answer, failures, ends } = guarded(stream);
    const reader = answer.getReader();
    await reader.read();
    await reader.cancel();
    expect(state.cancelled).toBe(true);
    expect(failures).toEqual([]);
    expect(ends()).toBe(1);
  });
});
