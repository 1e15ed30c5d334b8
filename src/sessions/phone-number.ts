/** A number of a telephone network (E.164, with or without its `+`), or an extension of a switchboard. */
const NUMBER = /^\+?\d{2,15}$/;

/**
 * A telephone number as it is kept and compared: `+34911234567`, or digits alone where the carrier gives no `+` and for an
 * extension. Spaces, dots, hyphens and brackets are left out, and so is what `tel:` and `sip:` URIs put around it; `00` in
 * front of a number is its `+`.
 *
 * @returns undefined for what is no number: a name, a withheld number
 */
export function phoneNumber(text: string): string | undefined {
  const user = text
    .trim()
    .replace(/^(?:tel|sips?):/i, '')
    .replace(/[@;].*$/s, '');
  const digits = user.replace(/[\s().-]/g, '').replace(/^00(?=[1-9])/, '+');
  return NUMBER.test(digits) ? digits : undefined;
}

/** Names that carriers give callers who do not show their number. */
const WITHHELD = /^(?:anonymous|restricted|unknown|unavailable|private|withheld)$/i;
/**
 * The same on a keypad, which Twilio writes as numbers: ANONYMOUS, BLOCKED, RESTRICTED, UNAVAILABLE, UNKNOWN.
 *
 * @see https://help.twilio.com/articles/223179988
 */
const WITHHELD_ON_KEYPAD: ReadonlySet<string> = new Set([
  '+266696687',
  '+2562533',
  '+7378742833',
  '+86282452253',
  '+8656696',
]);

/** Whether a carrier says of somebody that they do not show their number. */
export function isWithheld(given: string): boolean {
  return WITHHELD.test(given) || WITHHELD_ON_KEYPAD.has(given);
}

/** The number of one end of a call, as {@link phoneNumber}; null where it is withheld, or the carrier gives none. */
export function shownNumber(given: string | null | undefined): string | null {
  if (given === null || given === undefined || isWithheld(given)) return null;
  return phoneNumber(given) ?? null;
}

/** The ways in which carriers write one number: with and without its `+`. @param number - of {@link phoneNumber} */
export function spellings(number: string): readonly string[] {
  const digits = digitsOf(number);
  return [`+${digits}`, digits];
}

/** @param number - of {@link phoneNumber} */
export function digitsOf(number: string): string {
  return number.replace(/^\+/, '');
}
