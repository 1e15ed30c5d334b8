import { isDeepStrictEqual } from 'node:util';
import Mustache from 'mustache';
import { z } from 'zod';
import { PRIVATE_KEY } from '../../config/private-key.ts';
import { nameOf, resolvePath, splitPath, valueAt } from '../../sessions/data-path.ts';
import type { DataTools, JsonValue } from '../../sessions/data-tools.ts';
import { pointerOf } from '../../sessions/json-pointer.ts';
import { plainText } from '../../sessions/plain-text.ts';
import { isObject, isScalar, type Rendering, rendering, scalar } from '../../sessions/render-values.ts';
import { askApi } from '../ask-api.ts';
import type { Answers } from '../prompts.ts';
import { type AgentTool, type Change, type ToolContext, ToolError } from './agent-tool.ts';
import { clearAnswer } from './clear-answer.ts';

const MAX_VALUE_CHARS = 500;
const TIMEOUT_MS = 3_000;
/** A key that is new. */
const KEY = /^[\p{L}\p{N}_-]{1,64}$/u;

type Value = string | number | boolean;
type Parameters = z.ZodObject<{ path: z.ZodString; value: z.ZodCoercedString<unknown> }>;

/** Changes one value of the session's data tools, through the API, which checks it against the profile's schema. */
export const updateData: AgentTool<'update_data', Parameters> = {
  name: 'update_data',
  description: ({ update_data }) => update_data.description,
  parameters: ({ update_data }) =>
    z.object({
      path: z.string().describe(update_data.path),
      // One type is what small models keep to; they write a number or true all the same.
      value: z.coerce.string().describe(update_data.value),
    }),
  plan: async ({ path: written, value: given }, call): Promise<Change> => {
    const { words, language } = call;
    const dataTools = call.dataTools();
    const to = rendering(dataTools, language, () => undefined);
    const path = placeOf(dataTools, written, to, call);
    const current = valueAt(dataTools, path);
    if (current !== undefined && !isScalar(current)) throw new ToolError(words.update_data.not_single);
    const value = ofTypeOf(current, given, call.answers);
    if (value === undefined) throw new ToolError(words.update_data.wrong_type);
    const question = Mustache.render(
      words.update_data.question,
      { what: spokenName(path, to), value: scalar(value, path, to) },
      {},
      { escape: String },
    );
    const item = listItem(dataTools, path);
    return {
      question,
      apply: async () => {
        // Until the caller has answered, another item may have come to be at that place.
        if (!isDeepStrictEqual(listItem(call.dataTools(), path), item)) throw new ToolError(words.failed);
        await change(path, value, call);
        return words.done;
      },
    };
  },
};

/** As it is said to the person: what is in `user_context` is theirs anyway. */
function spokenName(path: readonly string[], to: Rendering): string {
  const [first, ...rest] = path;
  return nameOf(first === 'user_context' && rest.length > 0 ? rest : path, to).toLocaleLowerCase();
}

/** @throws ToolError when there is no such place, or it is not for the agent to change */
function placeOf(
  dataTools: DataTools,
  written: string,
  to: Rendering,
  { words, permissions }: ToolContext,
): string[] {
  const path = resolvePath(dataTools, written, to) ?? newKey(dataTools, written, to);
  if (path === undefined) {
    const asked = plainText(written, 60);
    throw new ToolError(
      Mustache.render(words.update_data.not_found, { path: asked }, {}, { escape: String }),
    );
  }
  const pointer = pointerOf(path);
  const allowed = permissions().update_data?.paths;
  const isAllowed =
    allowed === undefined || allowed.some((one) => pointer === one || pointer.startsWith(`${one}/`));
  if (path[0] === PRIVATE_KEY || !isAllowed) throw new ToolError(words.update_data.not_allowed);
  return path;
}

/** A key that is not there yet, in an object that is. */
function newKey(dataTools: DataTools, written: string, to: Rendering): string[] | undefined {
  const { parent, key } = splitPath(written);
  const outer = parent === '' ? undefined : resolvePath(dataTools, parent, to);
  return outer !== undefined && KEY.test(key) && isObject(valueAt(dataTools, outer))
    ? [...outer, key]
    : undefined;
}

/** The value keeps the type that it has; undefined where it cannot. */
function ofTypeOf(current: JsonValue | undefined, given: string, answers: Answers): Value | undefined {
  const text = plainText(given, MAX_VALUE_CHARS);
  if (text === '') return undefined;
  if (typeof current === 'number') {
    const number = Number(text.replace(',', '.'));
    return Number.isFinite(number) ? number : undefined;
  }
  if (typeof current === 'boolean') {
    if (/^(?:true|false)$/iu.test(text)) return text.toLowerCase() === 'true';
    const answer = clearAnswer(text, answers);
    return answer === undefined ? undefined : answer === 'yes';
  }
  return text;
}

/** @throws ToolError */
async function change(path: readonly string[], value: Value, call: ToolContext): Promise<void> {
  const { config, sessionId, words } = call;
  const dataTools = call.dataTools();
  const revision = call.revision();
  // A list goes as a whole, and what somebody else has just put into it must not be lost.
  const needsSame = revision !== undefined && listItem(dataTools, path) !== undefined;
  const response = await askApi(config, `/session/${encodeURIComponent(sessionId)}/data-tools`, {
    method: 'PATCH',
    ...(needsSame && { headers: { 'if-match': `"${revision}"` } }),
    body: patchFor(dataTools, path, value),
    timeoutMs: TIMEOUT_MS,
  }).catch(() => undefined);
  if (response?.ok === true) return;
  // The profile's schema does not take it.
  throw new ToolError(response?.status === 400 ? words.update_data.refused : words.failed);
}

/** The item of the first list on the way to a place; undefined where there is no list. */
function listItem(dataTools: DataTools, path: readonly string[]): JsonValue | undefined {
  const depth = path.findIndex((_, index) => Array.isArray(valueAt(dataTools, path.slice(0, index))));
  return depth === -1 ? undefined : valueAt(dataTools, path.slice(0, depth + 1));
}

/**
 * A merge patch (RFC 7396) that sets one value of `here`. An object in it holds what changes alone; lists it can only replace
 * as a whole, with all that is in them.
 */
function patchFor(
  here: JsonValue | undefined,
  [key, ...rest]: readonly string[],
  value: Value,
  isInList = false,
): JsonValue {
  if (key === undefined) return value;
  if (Array.isArray(here)) {
    return here.map((item, index) => (String(index) === key ? patchFor(item, rest, value, true) : item));
  }
  const fields = isObject(here) ? here : {};
  return { ...(isInList && fields), [key]: patchFor(fields[key], rest, value, isInList) };
}
