import { llm, type voice } from '@livekit/agents';
import type { z } from 'zod';
import type { Config, Language } from '../../config/config.ts';
import type { DataTools } from '../../sessions/data-tools.ts';
import type { ToolPermissions } from '../../sessions/profile.ts';
import type { Destination } from '../phone/phone-line.ts';
import type { Answers, ToolWords } from '../prompts.ts';

/** What the agent may do with the telephone of the person. What ends its part in the call begins after its words. */
export interface PhoneActions {
  /** Hangs up, unless the person goes on. @param after - what is being said; where that is nothing, a goodbye is */
  hangUp(after: voice.SpeechHandle): void;
  /** @param digits - `0-9*#A-D` @throws when they cannot be sent */
  sendDigits(digits: string): Promise<void>;
  /** Gives the call to somebody else, and goes on where nobody takes it. @param after - as with {@link hangUp} */
  transfer(to: Destination, after: voice.SpeechHandle): void;
}

/** What a tool may use of the call that it is used in. */
export interface ToolContext {
  config: Config;
  sessionId: string;
  language: Language;
  /** What is said about tools, in the language of the call. */
  words: ToolWords;
  /** What is a yes or a no in it. */
  answers: Answers;
  /** As they are now. */
  dataTools: () => DataTools;
  /** Of those data tools; undefined where it is not known. */
  revision: () => number | undefined;
  /** As the profile has them now. */
  permissions: () => ToolPermissions;
  /** Undefined where the person holds no telephone. */
  phone?: () => PhoneActions | undefined;
}

/** What a tool is about to change. */
export interface Change {
  /** Asks the caller for it, so that a yes means exactly this. */
  question: string;
  /** Does it. @returns what the model is told. @throws ToolError with a sentence when it could not be done */
  apply: () => Promise<string>;
}

/** What a tool acts on. */
export interface Acting {
  phone: PhoneActions;
  /** What the agent says as it calls the tool. */
  speech: voice.SpeechHandle;
}

interface ToolBase<Name extends keyof ToolPermissions, Schema extends z.ZodObject> {
  /** As the profile's `tools` name it. */
  name: Name;
  description: (words: ToolWords) => string;
  parameters: (words: ToolWords, permissions: ToolPermissions) => Schema;
}

/**
 * Something that the model can call. A tool that only reads has `read`; one that changes something has `plan`, which looks
 * at what is asked for and changes nothing: whether it comes to `apply` is for the profile and the caller to say. One that
 * uses the person's telephone has `act`, and the agent says nothing more when it is done.
 *
 * Each is one file here; it joins in `call-tools.ts`, and its permission in `sessions/profile.ts`. What it returns and
 * throws is for the model to read: what stands in it of people's data has to have gone through `plainText`.
 */
export type AgentTool<Name extends keyof ToolPermissions, Schema extends z.ZodObject> = ToolBase<
  Name,
  Schema
> &
  (
    | { read: (args: z.output<Schema>, call: ToolContext) => Promise<string> }
    | { plan: (args: z.output<Schema>, call: ToolContext) => Promise<Change> }
    | { act: (args: z.output<Schema>, call: ToolContext, on: Acting) => Promise<void> }
  );

/** A sentence for the model about what did not work. */
export const ToolError = llm.ToolError;
