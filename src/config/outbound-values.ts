import { z } from 'zod';
import { commaList } from './comma-list.ts';

/** livekit-server gives up waiting for an answer after 80 s. */
export const MOST_RING_SECONDS = 75;

/** Beginnings of telephone numbers in E.164, separated by commas; `+` is the beginning of each of them. */
export const phonePrefixList = z
  .string()
  .transform((text) => [...new Set(commaList(text))])
  .pipe(
    z.array(
      z
        .string()
        .regex(/^\+([1-9]\d{0,14})?$/, 'has an entry that is not the beginning of a number, such as +34'),
    ),
  );
