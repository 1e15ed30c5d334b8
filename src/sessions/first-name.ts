import type { DataTools } from './data-tools.ts';
import { plainText } from './plain-text.ts';

/**
 * The name to greet a person by, where the data tools have one: the first word of `user_context.name` or `nombre`. It is
 * said aloud and stands in the conversation, so that what is no name is none.
 */
export function firstName({ user_context: user }: DataTools): string | undefined {
  if (typeof user !== 'object' || user === null || Array.isArray(user)) return undefined;
  const name = user.name ?? user.nombre;
  const first = typeof name === 'string' ? /^[^\s,;]+/u.exec(plainText(name, 60))?.[0] : undefined;
  return first !== undefined && /^[\p{L}\p{M}\p{N}'’.-]{1,40}$/u.test(first) ? first : undefined;
}
