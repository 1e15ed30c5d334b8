import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createApiKey, createKeyFinder, opens } from '../../src/config/api-keys.ts';
import { loadConfig } from '../../src/config/config.ts';

const ADMIN_API_KEY = 'an-api-key-of-the-tests';

describe('an application key', () => {
  it('is 32 random bytes, and configured by its hash alone', () => {
    const { key, entry } = createApiKey('shop', ['sessions', 'history']);
    expect(key).toMatch(/^charla_[\w-]{43}$/);
    expect(entry).toBe(`shop:sha256:${createHash('sha256').update(key).digest('hex')}:sessions+history`);
    expect(createApiKey('shop', ['sessions']).key).not.toBe(key);
  });

  it('is found among others, and nothing else is', () => {
    const shop = createApiKey('shop', ['sessions']);
    const reports = createApiKey('reports', ['history']);
    const config = loadConfig({ API_KEYS: `${shop.entry}, ${reports.entry}`, ADMIN_API_KEY });
    const find = createKeyFinder(config);
    expect(find(shop.key)?.name).toBe('shop');
    expect(find(reports.key)?.scopes).toEqual(new Set(['history']));
    expect(find(ADMIN_API_KEY)?.name).toBe('admin');
    const [hash] = config.API_KEYS.map((key) => key.hash);
    for (const sent of ['', `${shop.key}x`, shop.key.slice(0, -1), hash, undefined, [shop.key]]) {
      expect(find(sent)).toBeUndefined();
    }
  });

  it('opens what its scopes say, and «admin» opens everything', () => {
    const key = { scopes: new Set(['sessions', 'metrics'] as const) };
    expect(opens(key, ['metrics'])).toBe(true);
    expect(opens(key, ['history'])).toBe(false);
    expect(opens(key, [])).toBe(false);
    expect(opens({ scopes: new Set(['admin'] as const) }, [])).toBe(true);
  });

  it.each([
    ['a key as it is', 'charla_abc', /entry 1 is not name:sha256/],
    ['a short hash', 'shop:sha256:abc:sessions', /entry 1 is not/],
    ['another algorithm', `shop:md5:${'a'.repeat(64)}:sessions`, /entry 1 is not/],
    ['an unknown scope', `shop:sha256:${'a'.repeat(64)}:everything`, /scope that is none of sessions/],
    ['no scope', `shop:sha256:${'a'.repeat(64)}:`, /scope/],
    ['a name with a space', `my shop:sha256:${'a'.repeat(64)}:sessions`, /name/],
    ['the name of ADMIN_API_KEY', `admin:sha256:${'a'.repeat(64)}:sessions`, /name/],
    [
      'a name twice',
      `a:sha256:${'a'.repeat(64)}:sessions,a:sha256:${'b'.repeat(64)}:sessions`,
      /entry 2 has the name/,
    ],
  ])('stops the start where API_KEYS has %s, and is not repeated there', (_what, API_KEYS, problem) => {
    expect(() => loadConfig({ API_KEYS })).toThrow(problem);
    expect(() => loadConfig({ API_KEYS })).not.toThrow(/charla_abc|aaaa/);
  });
});
