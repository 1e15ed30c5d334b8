/** A JSON Pointer (RFC 6901): `/cart_data/items/0`; empty for the whole document. */
export function pointerOf(path: readonly string[]): string {
  return path.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The keys of a JSON Pointer; a `/` at the end does not count. */
export function keysOf(pointer: string): string[] {
  return pointer
    .replace(/^\/|\/$/gu, '')
    .split('/')
    .filter((key) => key !== '')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}
