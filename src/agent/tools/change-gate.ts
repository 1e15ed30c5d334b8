import { isDeepStrictEqual } from 'node:util';
import { llm } from '@livekit/agents';
import type { Answers } from '../prompts.ts';
import type { Change } from './agent-tool.ts';
import { clearAnswer } from './clear-answer.ts';

/** What the agent does next without asking the model: says something, or calls a tool. */
export type GateStep = { say: string } | { call: llm.FunctionCall };

export interface GateOptions {
  /** What is a yes or a no in the language of the call. */
  answers: Answers;
  /** Said after a no. */
  declined: string;
  /** Told to the model while a question is open. */
  awaitsYes: string;
}

interface Pending {
  tool: string;
  args: object;
  change: Change;
  /** Of the answer that asked for it. */
  speech: string;
}

/**
 * Stands before tools that change something: the caller is asked, in words that say exactly what will be done, and it is
 * done when their own next turn is a clear yes ({@link clearAnswer}). The model has no part in that: it can ask for a
 * change, and neither its words nor anybody's data can confirm it. What counts is the conversation as it was heard.
 *
 * While the caller is still speaking an answer is prepared of what they have said so far, so that nothing is done in
 * {@link next}: it has the tool called, which the framework does once the turn is over, and {@link pass} looks again.
 */
export class ChangeGate {
  readonly #options: GateOptions;
  #open: Pending[] = [];
  /** What was, or is about to be, said last; only an answer to that counts. */
  #asked: string | undefined;
  /** Said in the place of the model's words about a tool's result: by the id of its call. */
  readonly #replies = new Map<string, string>();

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /**
   * A tool is called: does what was confirmed, or has the caller asked.
   *
   * @param history - the conversation up to now
   * @returns what the model is told. @throws what `plan` and `apply` throw
   */
  async pass(
    request: { tool: string; args: object; callId: string; speech: string },
    history: readonly llm.ChatItem[],
    plan: () => Promise<Change>,
  ): Promise<string> {
    const { tool, args, callId, speech } = request;
    const [front] = this.#open;
    if (front !== undefined && isSame(front, request) && this.#answer(history) === 'yes') {
      this.#open.shift();
      try {
        const done = await front.change.apply();
        this.#reply(callId, done);
        return done;
      } catch (error) {
        this.#reply(callId, error instanceof llm.ToolError ? error.message : '');
        throw error;
      }
    }
    // What was asked about an earlier answer, and not confirmed, is no more.
    this.#open = this.#open.filter((one) => one.speech === speech && !isSame(one, request));
    const change = await plan();
    this.#open.push({ tool, args, change, speech });
    this.#reply(callId);
    return this.#options.awaitsYes;
  }

  /** What comes next in this conversation; undefined: ask the model. Changes nothing. */
  next(conversation: readonly llm.ChatItem[]): GateStep | undefined {
    const last = conversation.findLast(isSpokenOrCalled);
    if (last?.type === 'function_call_output') {
      const say = this.#replies.get(last.callId);
      return say === undefined ? undefined : { say };
    }
    const [front] = this.#open;
    if (front === undefined) return undefined;
    const answer = this.#answer(conversation);
    if (answer === 'no') return { say: this.#options.declined };
    if (answer !== 'yes') return undefined;
    const callId = `confirmed_${Date.now().toString(36)}`;
    return { call: llm.FunctionCall.create({ callId, name: front.tool, args: JSON.stringify(front.args) }) };
  }

  /** Says how it went, and asks for what is still open. */
  #reply(callId: string, done = ''): void {
    const question = this.#open[0]?.change.question;
    this.#asked = [done, question].filter(Boolean).join(' ');
    if (this.#asked !== '') this.#replies.set(callId, this.#asked);
  }

  /** The caller's words since they were asked, if those were the last thing that they heard, as a whole. */
  #answer(conversation: readonly llm.ChatItem[]): 'yes' | 'no' | undefined {
    const at = conversation.findLastIndex((item) => item.type === 'message' && item.role === 'assistant');
    const asked = conversation[at];
    if (asked?.type !== 'message' || asked.interrupted || this.#asked === undefined) return undefined;
    if (lettersOf(asked.textContent ?? '') !== lettersOf(this.#asked)) return undefined;
    const words = conversation
      .slice(at + 1)
      .flatMap((item) => (item.type === 'message' && item.role === 'user' ? [item.textContent ?? ''] : []));
    return clearAnswer(words.join('. '), this.#options.answers);
  }
}

function isSame(pending: Pending, { tool, args }: { tool: string; args: object }): boolean {
  return pending.tool === tool && isDeepStrictEqual(pending.args, args);
}

function isSpokenOrCalled({ type }: llm.ChatItem): boolean {
  return type === 'message' || type === 'function_call' || type === 'function_call_output';
}

/** The voice may change spaces and punctuation. */
function lettersOf(text: string): string {
  return text.replace(/[^\p{L}\p{N}]+/gu, '').toLowerCase();
}
