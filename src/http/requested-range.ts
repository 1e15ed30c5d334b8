/**
 * The part of a file that a `Range` header asks for (RFC 9110, section 14). Of several parts, of none that there is, and
 * of what is no range, a server may answer all instead: then undefined.
 *
 * @param bytes - length of the file
 * @returns its first and its last byte
 */
export function requestedRange(
  header: string | undefined,
  bytes: number,
): { start: number; end: number } | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  const start = first === '' ? Math.max(0, bytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1);
  return start <= end ? { start, end } : undefined;
}
