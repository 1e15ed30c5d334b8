import { llm } from '@livekit/agents';
import type { z } from 'zod';
import type { Config, Language } from '../../config/config.ts';
import type { DataTools } from '../../sessions/data-tools.ts';
import type { ToolPermissions } from '../../sessions/profile.ts';
import type { Answers, ToolWords } from '../prompts.ts';

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
}

/** What a tool is about to change. */
export interface Change {
  /** Asks the caller for it, so that a yes means exactly this. */
  question: string;
  /** Does it. @returns what the model is told. @throws ToolError with a sentence when it could not be done */
  apply: () => Promise<string>;
}

interface ToolBase<Name extends keyof ToolPermissions, Schema extends z.ZodObject> {
  /** As the profile's `tools` name it. */
  name: Name;
  description: (words: ToolWords) => string;
  parameters: (words: ToolWords) => Schema;
}

/**
 * Something that the model can call. A tool that only reads has `read`; one that changes something has `plan`, which looks
 * at what is asked for and changes nothing: whether it comes to `apply` is for the profile and the caller to say.
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
  );

/** A sentence for the model about what did not work. */
export const ToolError = llm.ToolError;
