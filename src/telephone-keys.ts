/** Keys of a telephone, as a text: `12#`. */
export const TELEPHONE_KEYS = /^[0-9*#A-D]+$/;
/** Each key at the place of its code. */
const CODES = '0123456789*#ABCD';

export function isTelephoneKey(key: string): boolean {
  return key.length === 1 && TELEPHONE_KEYS.test(key);
}

/** Code of a key's telephone event, RFC 4733. */
export function codeOfKey(key: string): number {
  return CODES.indexOf(key);
}
