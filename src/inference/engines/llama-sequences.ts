import type { LlamaContext, LlamaContextSequence, Token } from 'node-llama-cpp';

interface LlamaSlot {
  sequence: LlamaContextSequence;
  busy: boolean;
  /** On the clock of `performance.now()`. */
  usedAt: number;
}

/**
 * The places in memory where conversations are kept between their turns. A request takes the idle one that begins like
 * its own prompt, so that only what is new must be read; concurrent calls each keep theirs.
 */
export class LlamaSequences {
  readonly #slots: LlamaSlot[];

  constructor(context: LlamaContext) {
    this.#slots = Array.from({ length: context.totalSequences }, () => ({
      sequence: context.getSequence(),
      busy: false,
      usedAt: 0,
    }));
  }

  /**
   * Runs `work` with a sequence that holds the longest beginning of `tokens` that is there.
   *
   * @throws Error when all are busy: the queue lets no more requests in than there are sequences
   */
  async use<T>(
    tokens: Token[],
    work: (sequence: LlamaContextSequence, cachedTokens: number) => Promise<T>,
  ): Promise<T> {
    const slot = this.#choose(tokens);
    slot.busy = true;
    try {
      // One token at least is read again: its logits are what the answer starts from.
      await slot.sequence.adaptStateToTokens(tokens.slice(0, -1), false);
      return await work(slot.sequence, slot.sequence.nextTokenIndex);
    } finally {
      slot.usedAt = performance.now();
      slot.busy = false;
    }
  }

  #choose(tokens: Token[]): LlamaSlot {
    const idle = this.#slots.filter((slot) => !slot.busy);
    const best = chooseSlot(
      idle.map((slot) => ({
        slot,
        held: slot.sequence.contextTokens.length,
        shared: slot.sequence.compareContextTokens(tokens).firstDifferentIndex,
        idleMs: performance.now() - slot.usedAt,
      })),
    );
    if (best === undefined) throw new Error('no sequence is idle');
    return best.slot;
  }
}

/** A conversation that said nothing for so long is taken to be over. */
const ABANDONED_AFTER_MS = 60_000;
/** A prompt that shares so much of what a place holds goes on with that conversation. */
const SAME_CONVERSATION = 0.75;

export interface SlotState {
  /** Tokens that the place holds, and how many of them the new prompt begins with. */
  held: number;
  shared: number;
  idleMs: number;
}

/**
 * The place for a new prompt: the conversation that it continues; else an abandoned one that begins alike; else an empty
 * one; else the one that was used longest ago. Callers share their instructions, and that alone must not make one of
 * them overwrite another's conversation.
 */
export function chooseSlot<S extends SlotState>(slots: readonly S[]): S | undefined {
  const longestShared = (some: readonly S[]) => some.toSorted((a, b) => b.shared - a.shared)[0];
  const continued = slots.filter(({ held, shared }) => held > 0 && shared / held >= SAME_CONVERSATION);
  const abandoned = slots.filter(({ idleMs, held }) => held > 0 && idleMs > ABANDONED_AFTER_MS);
  return (
    longestShared(continued) ??
    longestShared(abandoned) ??
    slots.find(({ held }) => held === 0) ??
    slots.toSorted((a, b) => b.idleMs - a.idleMs)[0]
  );
}
