// @vitest-environment jsdom
import { afterEach, describe, expect, it } from 'vitest';
import { takeUserToken, userOf } from '../../src/web/state/user-token.ts';

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = (claims: object) => `${part({ alg: 'HS256' })}.${part(claims)}.c2lnbmF0dXJl`;

afterEach(() => window.history.replaceState(null, '', '/'));

describe('the token in the address of the page', () => {
  it('is taken out of the address bar and of the history at once', () => {
    window.history.replaceState(null, '', `/?lang=en#token=${token({ sub: 'ana' })}`);
    const entries = window.history.length;
    expect(takeUserToken()).toBe(token({ sub: 'ana' }));
    expect(window.location.href).toBe('http://localhost:3000/?lang=en');
    expect(window.history.length).toBe(entries);
    expect(takeUserToken()).toBeUndefined();
  });

  it.each(['', '#', '#token=', '#other=1', '#token=%20'])('is none with «%s»', (hash) => {
    window.history.replaceState(null, '', `/${hash}`);
    expect(takeUserToken()).toBeUndefined();
  });

  it('says whom it is for, in any script, and no more when it makes no sense', () => {
    expect(userOf(token({ sub: 'ana' }))).toBe('ana');
    expect(userOf(token({ sub: 'José Ñandú 日本' }))).toBe('José Ñandú 日本');
    for (const wrong of ['', 'a.b.c', '..', `${part({})}.${part({ sub: 1 })}.x`, 'eyJ']) {
      expect(userOf(wrong)).toBeUndefined();
    }
  });
});
