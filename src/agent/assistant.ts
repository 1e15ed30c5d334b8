import { ReadableStream, TransformStream } from 'node:stream/web';
import { llm, voice } from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';
import { CharlaError } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { endAtLoop } from './end-at-loop.ts';
import type { Prompts } from './prompts.ts';
import { recentTurns } from './recent-turns.ts';
import { withSpokenFallback } from './spoken-fallback.ts';
import type { ChangeGate, GateStep } from './tools/change-gate.ts';
import type { Filler } from './turns/filler.ts';
import { joinSplitTurns } from './turns/join-split-turns.ts';

/** A first token later than this is a caller who thinks that nobody is there. */
const FIRST_TOKEN_TIMEOUT_MS = 6_000;
const STALL_TIMEOUT_MS = 4_000;
/** A tool's definition in the prompt; with the words around the first one. */
const TOOL_CHARS = 600;

/** What the agent knows of the person, as of now. */
export interface Known {
  /** The data tools as lines for the prompt; empty when there are none. */
  data: string;
  /** What the profile adds to the instructions. */
  extra?: string;
  tools?: readonly llm.FunctionTool[];
  /** Looks up what the caller has just named, as the model may not think of; undefined for nothing in particular. */
  recall?: (said: string) => llm.ChatItem | undefined;
  /** The first sentence. */
  greeting: string;
  /** Whether the person holds a telephone. */
  isPhone?: boolean;
}

export interface AssistantOptions {
  project: string;
  prompts: Prompts;
  known: Known;
  /** Stands before tools that change something. */
  gate?: ChangeGate;
  /** Resolves when the caller is there; with false, when nobody will come any more. */
  caller: Promise<boolean>;
  log: Logger;
  /** Has the model read new instructions ahead of the next question. */
  warm: (instructions: string, tools: llm.ToolContext) => Promise<void>;
  /** Named in errors. */
  modelUrl: string;
  /** Most characters of the conversation that the model is given. */
  historyChars: number;
  /** What the agent says now, or is about to say. */
  currentSpeech?: () => voice.SpeechHandle | undefined;
  /** Bridges the wait for a slow engine. */
  filler?: Filler;
  /** Done when the caller is there, before they are greeted. */
  beforeGreeting?: () => void;
  /** Told of what the caller has said before it is answered; may add to it. */
  onTurn?: (message: llm.ChatMessage) => void;
  /** Whether the caller is not answered any more. */
  isLeaving?: () => boolean;
  /** Told what the agent is about to say, piece by piece. */
  onWords: (text: string) => void;
  /** Told when the model said nothing in time; a failure that it reported reaches the session as an error event. */
  onModelSilent: (error: CharlaError) => void;
}

/** The agent of a call: greets, answers from the data tools, and never leaves the caller in silence. */
export class Assistant extends voice.Agent {
  readonly #options: AssistantOptions;
  #known: Known;
  /** Whether the agent was heard after the caller's last turn. Its words may not be in the conversation yet. */
  #heardSince = false;

  constructor(options: AssistantOptions) {
    const { known } = options;
    super({ instructions: instructionsFor(options, known), tools: [...(known.tools ?? [])] });
    this.#options = options;
    this.#known = known;
  }

  override async onEnter(): Promise<void> {
    // The model reads while the greeting plays, not before: on a small machine the two would share the processor.
    const onState = ({ newState }: voice.AgentStateChangedEvent) => {
      if (newState !== 'speaking') return;
      this.session.off(voice.AgentSessionEventTypes.AgentStateChanged, onState);
      this.#warm();
    };
    this.session.on(voice.AgentSessionEventTypes.AgentStateChanged, onState);
    this.session.on(voice.AgentSessionEventTypes.AgentStateChanged, ({ newState }) => {
      this.#heardSince ||= newState === 'speaking';
    });
    this.session.on(voice.AgentSessionEventTypes.ConversationItemAdded, ({ item }) => {
      if (item.type === 'message' && item.role === 'user') this.#heardSince = false;
    });
    const here = await this.#options.caller;
    if (!here) return;
    this.#options.beforeGreeting?.();
    this.session.say(this.#known.greeting);
  }

  /**
   * What is known now, used from the next answer on; an answer prepared from what was known before is thrown away. Who has
   * not been greeted yet is greeted with the new greeting.
   */
  async update(known: Known): Promise<void> {
    this.#known = known;
    const tools = new llm.ToolContext([...(known.tools ?? [])]);
    if (!tools.equals(this.toolCtx)) await this.updateTools(tools);
    await this.updateInstructions(instructionsFor(this.#options, known));
    this.#warm();
  }

  #warm(): void {
    const { log, warm } = this.#options;
    warm(this.instructions.toString(), this.toolCtx).catch((error: unknown) => {
      log.warn({ err: error }, 'the model could not read its instructions ahead');
    });
  }

  override async onUserTurnCompleted(_chatCtx: llm.ChatContext, message: llm.ChatMessage): Promise<void> {
    if (this.#options.isLeaving?.() === true) throw new voice.StopResponse();
    this.#options.onTurn?.(message);
  }

  override async llmNode(
    chatCtx: llm.ChatContext,
    toolCtx: llm.ToolContext,
    modelSettings: voice.ModelSettings,
  ): Promise<ReadableStream<llm.ChatChunk | string> | null> {
    const step = this.#options.gate?.next(chatCtx.items);
    if (step !== undefined) return ReadableStream.from([pieceOf(step)]);
    const recent = recentTurns(
      this.#heardSince ? chatCtx : joinSplitTurns(chatCtx),
      this.#options.historyChars - charsBeside(this.#known),
    );
    const known = withRecalled(recent, this.#known);
    const answer = await voice.Agent.default.llmNode(this, known, toolCtx, modelSettings);
    if (answer === null) return null;
    const model = this.session.llm instanceof llm.LLM ? this.session.llm : undefined;
    let failure: Error | undefined;
    const onError = (event: { error: Error; recoverable: boolean }) => {
      if (!event.recoverable) failure ??= event.error;
    };
    model?.on('error', onError);
    const { prompts, log, modelUrl, onModelSilent, filler } = this.#options;
    const answerOnce = answer.pipeThrough(
      endAtLoop((words) => log.warn({ words }, 'the model repeats itself; its answer ends here')),
    );
    const spoken = withSpokenFallback(answerOnce, {
      firstTokenTimeoutMs: FIRST_TOKEN_TIMEOUT_MS,
      stallTimeoutMs: STALL_TIMEOUT_MS,
      failed: prompts.phrases.model_failed,
      brokeOff: prompts.phrases.model_broke_off,
      error: () => failure,
      onEnd: () => model?.off('error', onError),
      onFailure: ({ reason, began, error }) => {
        log.error({ reason, began, err: error }, 'model failed; said so');
        if (reason === 'timeout') {
          const timeoutMs = began ? STALL_TIMEOUT_MS : FIRST_TOKEN_TIMEOUT_MS;
          onModelSilent(
            new CharlaError('CHARLA_PROVIDER_TIMEOUT', { kind: 'model', url: modelUrl, timeoutMs }),
          );
        }
      },
    });
    return filler?.beforeAnswer(spoken) ?? spoken;
  }

  override async ttsNode(
    text: ReadableStream<string>,
    modelSettings: voice.ModelSettings,
  ): Promise<ReadableStream<AudioFrame> | null> {
    const speak = (words: ReadableStream<string>) => voice.Agent.default.ttsNode(this, words, modelSettings);
    const sound = await speak(text);
    const { filler } = this.#options;
    if (sound === null || filler === undefined) return sound;
    return filler.beforeSound(sound, (phrase) => speak(ReadableStream.from([phrase])));
  }

  /** Takes the turn from somebody who does not stop: says so, and answers what was said. */
  override async onUserTurnExceeded({ accumulatedTranscript }: voice.UserTurnExceededEvent): Promise<void> {
    const { prompts, log, isLeaving } = this.#options;
    if (isLeaving?.() === true) return;
    log.info('the caller speaks on and on; the agent takes the turn');
    // What they say while they are being interrupted is a new turn.
    this.session.clearUserTurn();
    this.session.say(prompts.phrases.turn_limit, { allowInterruptions: false, addToChatCtx: false });
    this.session.generateReply({ userInput: accumulatedTranscript });
  }

  override async transcriptionNode(
    text: ReadableStream<string | voice.TimedString>,
    modelSettings: voice.ModelSettings,
  ): Promise<ReadableStream<string | voice.TimedString> | null> {
    const interrupted = this.#options.currentSpeech?.()?.waitIfNotInterrupted([new Promise(() => undefined)]);
    const said = await voice.Agent.default.transcriptionNode(this, text, modelSettings);
    return (
      (said === null || interrupted === undefined ? said : endWhen(said, interrupted))?.pipeThrough(
        new TransformStream({
          transform: (piece, controller) => {
            this.#options.onWords(typeof piece === 'string' ? piece : piece.text);
            controller.enqueue(piece);
          },
        }),
      ) ?? null
    );
  }
}

function instructionsFor({ project, prompts }: AssistantOptions, known: Known): string {
  const { data, extra = '', tools = [], isPhone = false } = known;
  const canLookUp = tools.some(({ name }) => name === 'look_up');
  return prompts.instructions({ project, data, extra, canLookUp, isPhone });
}

/** What the model reads beside what {@link AssistantOptions.historyChars} leaves room for. */
function charsBeside({ extra = '', tools = [] }: Known): number {
  return extra.length + tools.length * TOOL_CHARS;
}

/** The conversation, and behind the caller's last words what they named: for this answer only. */
function withRecalled(chatCtx: llm.ChatContext, { recall }: Known): llm.ChatContext {
  const last = chatCtx.items.at(-1);
  if (recall === undefined || last?.type !== 'message' || last.role !== 'user') return chatCtx;
  const found = recall(last.textContent ?? '');
  return found === undefined ? chatCtx : new llm.ChatContext([...chatCtx.items, found]);
}

/** As the model would have said it. */
function pieceOf(step: GateStep): llm.ChatChunk | string {
  return 'say' in step
    ? step.say
    : { id: step.call.callId, delta: { role: 'assistant', toolCalls: [step.call] } };
}

/**
 * A stream that also ends when something happens. The framework forwards words until there are no more: an interrupted
 * answer whose next clause is still being made would hold up the next answer for four seconds (`forwardText` in
 * `voice/generation.ts` of @livekit/agents 1.9.0 looks at its signal between two words only).
 */
function endWhen<T>(source: ReadableStream<T>, end: Promise<unknown>): ReadableStream<T> {
  const reader = source.getReader();
  const ended = end.then(() => ({ done: true as const, value: undefined }));
  return new ReadableStream<T>({
    pull: async (controller) => {
      const { done, value } = await Promise.race([reader.read(), ended]);
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
