import { z } from 'zod';

const YEAR = /^(19|2\d)\d/;

/** ISO 8601, of a year that JavaScript and PostgreSQL both hold, in whichever time zone. */
export function timeText(options: { offset?: boolean } = {}) {
  // Not by `regex`, beside which the API document would lose that it is a time.
  return z.iso
    .datetime(options)
    .refine((text) => YEAR.test(text), 'has to be between the years 1900 and 2999');
}
