import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { commaList } from './comma-list.ts';
import type { Config } from './config.ts';

/**
 * What an application key opens. `sessions`: start them, sign tokens, read and change their data tools; `history`: read
 * sessions and calls; `metrics`: scrape them; `admin`: everything.
 */
export const SCOPES = ['sessions', 'history', 'metrics', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** An application key as it is configured: who has the key itself cannot be learnt from it. */
export interface ApiKey {
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
  /** SHA-256 of the key, in hex. */
  readonly hash: string;
}

/** Name of ADMIN_API_KEY where log lines and limits need one. */
export const ADMIN_NAME = 'admin';
/** Marks our keys, for people and for scanners of leaked secrets. */
const PREFIX = 'charla_';
const RANDOM_BYTES = 32;
const NAME = /^[\w.-]{1,64}$/;

/**
 * A list of application keys, separated by commas: `name:sha256:<64 hex digits>:scope+scope`.
 *
 * SHA-256 alone is right here: a slow hash makes guessing dear where people choose the secret, and nobody guesses 256
 * random bits.
 */
export const apiKeyList = z.string().transform((text, context): ApiKey[] => {
  const keys: ApiKey[] = [];
  for (const [index, entry] of commaList(text).entries()) {
    const [name = '', algorithm, hash = '', scopes = '', ...rest] = entry.split(':');
    const wanted = scopes.split('+');
    const wrong = wanted.find((scope) => !isScope(scope));
    const isEntry = algorithm === 'sha256' && /^[0-9a-f]{64}$/.test(hash) && rest.length === 0;
    const problem = !isEntry
      ? 'is not name:sha256:hash:scopes'
      : wrong !== undefined
        ? `has a scope that is none of ${SCOPES.join(', ')}`
        : keys.some((key) => key.name === name)
          ? 'has the name of an earlier one'
          : keyNameProblem(name);
    // Without the entry itself: it may be a key that somebody put there as it is.
    if (problem !== undefined) {
      context.addIssue(`entry ${index + 1} ${problem}; «npm run charla -- keys create» makes one`);
      return z.NEVER;
    }
    keys.push({ name, hash, scopes: new Set(wanted.filter(isScope)) });
  }
  return keys;
});

/** What is wrong with the name of a key, as a sentence without its subject; undefined when it will do. */
export function keyNameProblem(name: string): string | undefined {
  return NAME.test(name) && name !== ADMIN_NAME
    ? undefined
    : 'has no name of up to 64 letters, digits, «.», «_» and «-», other than «admin»';
}

/** A new application key and its entry in `API_KEYS`; the key itself is in no other place. */
export function createApiKey(name: string, scopes: readonly Scope[]): { key: string; entry: string } {
  const key = `${PREFIX}${randomBytes(RANDOM_BYTES).toString('base64url')}`;
  return { key, entry: `${name}:sha256:${sha256(key).toString('hex')}:${scopes.join('+')}` };
}

/**
 * Finds the application key, or ADMIN_API_KEY, that was sent; undefined when it is none. In constant time: every key is
 * looked at, and of each the hash.
 */
export function createKeyFinder({
  ADMIN_API_KEY,
  API_KEYS,
}: Pick<Config, 'ADMIN_API_KEY' | 'API_KEYS'>): (sent: unknown) => ApiKey | undefined {
  const admin: ApiKey[] =
    ADMIN_API_KEY === undefined
      ? []
      : [{ name: ADMIN_NAME, scopes: new Set(['admin']), hash: sha256(ADMIN_API_KEY).toString('hex') }];
  const keys = [...admin, ...API_KEYS].map((key) => ({ key, hash: Buffer.from(key.hash, 'hex') }));
  return (sent) => {
    if (typeof sent !== 'string' || sent === '') return undefined;
    const digest = sha256(sent);
    let found: ApiKey | undefined;
    for (const { key, hash } of keys) if (timingSafeEqual(digest, hash)) found = key;
    return found;
  };
}

/** Whether a key opens what asks for one of these scopes; `admin` opens everything. */
export function opens({ scopes }: Pick<ApiKey, 'scopes'>, wanted: readonly string[]): boolean {
  return scopes.has('admin') || [...scopes].some((scope) => wanted.includes(scope));
}

function isScope(text: string): text is Scope {
  return (SCOPES as readonly string[]).includes(text);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
