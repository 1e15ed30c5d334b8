import { isDeepStrictEqual } from 'node:util';
import type { HookUser } from '../integrations/ask-hook.ts';
import type { DataToolsHook } from '../integrations/data-tools-hook.ts';
import { type DataTools, mergeDataTools, parseDataTools } from '../sessions/data-tools.ts';
import type { Logger } from '../telemetry/log.ts';

/** Data tools that a request to start a session has. */
export interface GivenData {
  /** Checked. */
  dataTools: DataTools;
  /** Whether the person's own client sent them, and not a server. */
  isOwn: boolean;
}

export interface InitialData {
  dataTools: DataTools;
  /** The same with the hook's answer in it, when that comes later; undefined when it does not come, or changes nothing. */
  late?: Promise<DataTools | undefined>;
}

/** What the integrator's hook knows, for the sessions that start. */
export interface HookData {
  /**
   * What a session begins with: the hook's answer, and over it, as a merge patch (RFC 7396), what a server gave; what the
   * person's own client gave is under it. A hook that fails or is slow stops nothing.
   */
  initial(user: HookUser, given: GivenData): Promise<InitialData>;
  /**
   * Has data tools that come late brought into the session that has begun.
   *
   * @param update - changes the session's data tools
   */
  follow(initial: InitialData, update: (change: (current: DataTools) => DataTools) => Promise<unknown>): void;
}

/** @param hook - undefined: there is none */
export function createHookData(hook: DataToolsHook<DataTools> | undefined, log: Logger): HookData {
  return {
    async initial(user, given) {
      if (hook === undefined) return { dataTools: given.dataTools };
      const { dataTools: answer, late } = await hook.lookUp(user);
      const dataTools = together(answer, given);
      if (late === undefined) return { dataTools };
      const later = late.then((newer) => {
        const next = newer && together(newer, given);
        return isDeepStrictEqual(next, dataTools) ? undefined : next;
      });
      return { dataTools, late: later };
    },
    follow({ dataTools, late }, update) {
      late
        ?.then((later) => later && update((current) => withLateData(current, dataTools, later)))
        .catch((error: unknown) =>
          log.warn({ err: error }, "the hook's late answer did not reach the session"),
        );
    },
  };
}

/**
 * Data tools of a session whose hook answered late: each top-level key is as the answer has it, unless somebody changed
 * it meanwhile.
 *
 * @param current - as they are now
 * @param initial - as the session began
 * @param late - as it would have begun
 * @throws CharlaError as `parseDataTools`
 */
export function withLateData(current: DataTools, initial: DataTools, late: DataTools): DataTools {
  const isUntouched = (key: string) => isDeepStrictEqual(own(current, key), own(initial, key));
  const kept = Object.entries(current).filter(
    ([key]) => Object.hasOwn(late, key) || !(Object.hasOwn(initial, key) && isUntouched(key)),
  );
  const news = Object.entries(late).filter(([key]) => isUntouched(key));
  return parseDataTools({ ...Object.fromEntries(kept), ...Object.fromEntries(news) });
}

/**
 * Data tools of a session for which the hook was asked again: each top-level key of the answer is as it has it.
 *
 * @throws CharlaError as `parseDataTools`
 */
export function withAnswer(current: DataTools, answer: DataTools): DataTools {
  return parseDataTools({ ...current, ...answer });
}

function together(answer: DataTools | undefined, { dataTools, isOwn }: GivenData): DataTools {
  if (answer === undefined) return dataTools;
  try {
    return isOwn ? mergeDataTools(dataTools, answer) : mergeDataTools(answer, dataTools);
  } catch {
    // Each is small enough, both are not: the integrator's own word counts.
    return isOwn ? answer : dataTools;
  }
}

function own(dataTools: DataTools, key: string): DataTools[string] | undefined {
  return Object.hasOwn(dataTools, key) ? dataTools[key] : undefined;
}
