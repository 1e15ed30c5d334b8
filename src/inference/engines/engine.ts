/**
 * What every local model is to the server: something that answers one kind of request. An engine lives in a worker
 * thread of its own (`engine-worker.ts`), because whisper.cpp and llama.cpp block the thread that they run on.
 */
export interface Engine<J extends Job> {
  /** How many requests the engine works on at once; more wait in the queue. */
  readonly concurrency: number;
  /**
   * Answers one request. `emit` sends what is ready before the end. An aborted `signal` ends the work as soon as the
   * engine can; whatever it then returns is dropped.
   */
  run(request: Jobs[J]['request'], context: RunContext<J>): Promise<Jobs[J]['result']>;
  dispose(): Promise<void>;
}

export interface RunContext<J extends Job> {
  signal: AbortSignal;
  emit: (chunk: Jobs[J]['chunk']) => void;
  /** Resolves when the work may go on: at once, unless it is held. An engine that works step by step awaits it between. */
  goAhead: () => Promise<void>;
}

/** Loads an engine from the directory of a ready model; `threads` is how many cores it may use. */
export type EngineFactory<J extends Job> = (options: EngineOptions) => Promise<Engine<J>>;

export interface EngineOptions {
  id: string;
  directory: string;
  threads: number;
}

/** The three kinds of work, as the model catalogue names them. */
export interface Jobs {
  stt: { request: TranscriptionRequest; chunk: never; result: Transcription };
  tts: { request: ClauseRequest; chunk: never; result: ClauseSpeech };
  llm: { request: ChatRequest; chunk: ChatChunk; result: ChatResult };
}

export type Job = keyof Jobs;
export type EngineName = 'whisper' | 'kokoro' | 'piper' | 'llama';

export interface TranscriptionRequest {
  /** An audio file, as it was uploaded. */
  audio: Uint8Array;
  /** ISO 639-1; found out from the audio when absent. */
  language?: string;
  /** Words that are likely to be said, and how they are spelt. */
  prompt?: string;
  temperature: number;
}

export interface Transcription {
  text: string;
  language: string;
  durationMs: number;
  /** 0 to 1. From Silero VAD: whisper's own figure does not leave its binding. */
  noSpeechProb: number;
  segments: { text: string; startMs: number; endMs: number }[];
}

export interface ClauseRequest {
  text: string;
  voice: string;
  language: SpeechLanguage;
  /** 1 is the voice's own pace; 2 is twice as fast. */
  speed: number;
}

export type SpeechLanguage = 'es' | 'en';

export interface ClauseSpeech {
  /** Mono, 24 kHz, without silence at either end. */
  pcm: Int16Array<ArrayBuffer>;
}

export interface ChatRequest {
  messages: ChatMessage[];
  tools: ChatTool[];
  /** `{name}`: that tool must be called. */
  toolChoice: 'auto' | 'none' | 'required' | { name: string };
  parallelToolCalls: boolean;
  /** `json`: any JSON object; a schema: JSON that it allows. */
  format: 'text' | 'json' | { schema: JsonSchema };
  temperature: number;
  topP: number;
  maxTokens: number;
  stop: string[];
  seed?: number;
  frequencyPenalty: number;
  presencePenalty: number;
}

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content: string;
  toolCalls?: ToolCall[];
  toolCallId?: string;
}

export interface ChatTool {
  name: string;
  description?: string;
  parameters: JsonSchema;
}

export interface ToolCall {
  id: string;
  name: string;
  /** JSON text. */
  arguments: string;
}

export type ChatChunk = { kind: 'text'; text: string } | { kind: 'toolCall'; toolCall: ToolCall };

export interface ChatResult {
  finishReason: 'stop' | 'length' | 'tool_calls';
  promptTokens: number;
  /** Of the prompt's tokens, those that an earlier request had left in memory. */
  cachedTokens: number;
  completionTokens: number;
}

export type JsonSchema = { [key: string]: unknown };
