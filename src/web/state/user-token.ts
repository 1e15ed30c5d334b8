import * as z from 'zod/mini';

const claimsSchema = z.object({ sub: z.string() });

/**
 * The token of `#token=…` in the page's address: after the `#`, where browsers send it to no server. It is taken out of
 * the address bar, and of the history, at once.
 */
export function takeUserToken(): string | undefined {
  const { hash, pathname, search } = window.location;
  const token = new URLSearchParams(hash.slice(1)).get('token');
  if (token === null) return undefined;
  window.history.replaceState(null, '', `${pathname}${search}`);
  return token.trim() || undefined;
}

/** Whom a token is for, by its own word: the server is who checks it. */
export function userOf(token: string): string | undefined {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(payload), (letter) => letter.codePointAt(0) ?? 0);
    return claimsSchema.safeParse(JSON.parse(new TextDecoder().decode(bytes))).data?.sub;
  } catch {
    return undefined;
  }
}
