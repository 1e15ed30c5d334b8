import { z } from 'zod';
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

// Of nothing that the database cannot hold: no zero bytes, no year before its own.
const placeSchema = z.tuple([z.iso.datetime().regex(/^(19|2\d)\d/), z.string().regex(/^[\w-]{1,256}$/)]);

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
    throw new CharlaError('CHARLA_REQUEST_INVALID', { problems: '/cursor: is not the `next` of a page' });
  }
}
