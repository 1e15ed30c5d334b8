import { z } from 'zod';
import { commaList } from './comma-list.ts';

/** A list of origins as browsers send them, separated by commas: `https://shop.example,http://localhost:3000`. */
export const originList = z.string().transform((text, context): string[] =>
  commaList(text).map((entry) => {
    const origin = entry.replace(/\/$/, '');
    // `URL` writes hosts in lower case and leaves out the usual port, as browsers do.
    const url = URL.canParse(origin) ? new URL(origin) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.origin !== origin.toLowerCase()) {
      context.addIssue(`has ${entry}, which is no origin such as https://shop.example`);
      return z.NEVER;
    }
    return url.origin;
  }),
);
