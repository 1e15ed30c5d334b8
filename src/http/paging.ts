import { z } from 'zod';
import { timeText } from '../config/time-text.ts';
import { CharlaError } from '../errors.ts';

/** A place in a list that is ordered by a time and an id. */
export interface Place {
  at: Date;
  id: string;
}

/** What every list takes in its query. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('Most items in the answer.'),
  cursor: z
    .string()
    .max(512)
    .optional()
    .describe('`next` of the page before; none begins with the first page.'),
};

/** What every list answers. @param item - with `examples` in its metadata, which are those of the page */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z
    .object({
      items: z.array(item),
      next: z.string().nullable().describe('The `cursor` of the next page; null after the last one.'),
    })
    .meta({ examples: [{ items: item.meta()?.examples ?? [], next: null }] });

// Of nothing that the database cannot hold: no zero bytes, no year of others.
const placeSchema = z.tuple([timeText(), z.string().regex(/^[\w-]{1,256}$/)]);

/**
 * The page of a list as the API answers it.
 *
 * @param found - one more than `limit`, where there is a next page
 * @param show - an item as the API shows it
 * @param cursorOf - where the next page begins, from the last item of this one
 */
export function pageFrom<Found, Shown>(
  found: readonly Found[],
  limit: number,
  show: (one: Found) => Shown,
  cursorOf: (last: Found) => string,
): { items: Shown[]; next: string | null } {
  const items = found.slice(0, limit);
  const last = found.length > limit ? items.at(-1) : undefined;
  return { items: items.map(show), next: last === undefined ? null : cursorOf(last) };
}

/** A place as a string that means nothing to others. */
export function encodeCursor({ at, id }: Place): string {
  return Buffer.from(JSON.stringify([at.toISOString(), id])).toString('base64url');
}

/** @throws CharlaError `CHARLA_REQUEST_INVALID` for what {@link encodeCursor} did not make */
export function decodeCursor(cursor: string): Place {
  try {
    const [at, id] = placeSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    return { at: new Date(at), id };
  } catch {
    throw cursorInvalid();
  }
}

/** That what came as `cursor` is not one of ours. */
export function cursorInvalid(): CharlaError {
  return new CharlaError('CHARLA_REQUEST_INVALID', { problems: '/cursor: is not the `next` of a page' });
}
