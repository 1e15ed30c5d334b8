import type { Language } from '../config/config.ts';
import type { Phone } from '../store/phone.ts';
import type { ModelUsage, Stages, ToolCall } from '../telemetry/call-event.ts';
import type { Dial } from './dial.ts';

/** One call of a session: an agent in its room. */
export interface Call {
  readonly id: string;
  readonly sessionId: string;
  readonly userId: string;
  readonly profile: string;
  readonly channel: string;
  readonly language: Language;
  /** Null unless it is a telephone call. */
  readonly phone: Phone | null;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  /** Why it ended; null while it runs. `lost`: nobody said, and its room is gone. */
  readonly outcome: string | null;
  /** Null unless we placed it. */
  readonly dial: Dial | null;
}

/** What one side said without the other taking the turn. */
export interface Turn {
  /** Place in the call, from 1. */
  readonly number: number;
  readonly role: 'user' | 'assistant';
  /** Of the agent: as far as it was heard. */
  readonly text: string;
  readonly at: Date;
  readonly interrupted: boolean;
  readonly interruptedAtMs: number | null;
  readonly latencies: Stages;
  readonly tools: readonly ToolCall[];
}

/** A call with all that was said in it. */
export interface CallHistory extends Call {
  readonly turns: readonly Turn[];
  readonly usage: readonly ModelUsage[];
}
