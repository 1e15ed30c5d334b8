import { ReadableStream, type ReadableStreamDefaultReader } from 'node:stream/web';
import type { llm } from '@livekit/agents';

type Piece = llm.ChatChunk | string | symbol;

export interface SpokenFallbackOptions {
  /** Time to the first piece of the answer, ms. */
  firstTokenTimeoutMs: number;
  /** Time between two pieces, ms. */
  stallTimeoutMs: number;
  /** Said when nothing of the answer came. */
  failed: string;
  /** Said when the answer broke off after it had begun. */
  brokeOff: string;
  /** The error that ended the answer, where its stream just ends on one. */
  error?: () => Error | undefined;
  /** Called once when the answer is over: complete, failed or cancelled. */
  onEnd?: () => void;
  onFailure: (failure: { reason: 'timeout' | 'error' | 'empty'; began: boolean; error?: unknown }) => void;
}

/**
 * The model's answer, or a sentence in its place: a model that is down, silent or slow is heard as an apology, never as
 * silence, and the call goes on.
 *
 * @param answer - the stream of the model; cancelled when it is given up
 * @returns its pieces as they come; on a failure one more piece, the sentence
 */
export function withSpokenFallback<T extends Piece>(
  answer: ReadableStream<T>,
  options: SpokenFallbackOptions,
): ReadableStream<T | string> {
  const reader = answer.getReader();
  let began = false;
  let cancelled = false;

  return new ReadableStream<T | string>({
    async pull(controller) {
      const limit = began ? options.stallTimeoutMs : options.firstTokenTimeoutMs;
      const next = failed(await Promise.race([read(reader), timeout(limit)]), options.error);
      if (cancelled) return;
      if (next.kind === 'piece') {
        began ||= hasContent(next.value);
        controller.enqueue(next.value);
        return;
      }
      options.onEnd?.();
      if (next.kind === 'done' && began) {
        controller.close();
        return;
      }
      const reason = next.kind === 'done' ? 'empty' : next.kind;
      options.onFailure({ reason, began, ...(next.kind === 'error' && { error: next.error }) });
      controller.enqueue(began ? ` ${options.brokeOff}` : options.failed);
      controller.close();
      await reader.cancel().catch(() => undefined);
    },
    cancel: (reason) => {
      cancelled = true;
      options.onEnd?.();
      return reader.cancel(reason);
    },
  });
}

type Next<T> =
  | { kind: 'piece'; value: T }
  | { kind: 'done' }
  | { kind: 'error'; error: unknown }
  | { kind: 'timeout' };

function read<T>(reader: ReadableStreamDefaultReader<T>): Promise<Next<T>> {
  return reader.read().then(
    ({ done, value }): Next<T> => (done ? { kind: 'done' } : { kind: 'piece', value }),
    (error: unknown): Next<T> => ({ kind: 'error', error }),
  );
}

/** The framework's model streams end quietly when the model failed. */
function failed<T>(next: Next<T>, errorOf: SpokenFallbackOptions['error']): Next<T> {
  const error = next.kind === 'done' ? errorOf?.() : undefined;
  return error === undefined ? next : { kind: 'error', error };
}

async function timeout(ms: number): Promise<{ kind: 'timeout' }> {
  await new Promise((resolve) => setTimeout(resolve, ms).unref());
  return { kind: 'timeout' };
}

function hasContent(piece: Piece): boolean {
  if (typeof piece === 'symbol') return false;
  if (typeof piece === 'string') return piece !== '';
  return Boolean(piece.delta?.content) || (piece.delta?.toolCalls?.length ?? 0) > 0;
}
