import { isIPv4 } from 'node:net';
import { configuredSecrets } from '../config/secrets.ts';

/**
 * Fields whose values are masked wherever they stand in a log line: secrets, and what people said, are called, and what
 * is known about them. In any case, with `_`, `-` or nothing between the words; the framework's `lk.pii.…` too.
 */
const MASKED_FIELDS = [
  'authorization',
  'proxy_authorization',
  'cookie',
  'set_cookie',
  'x_api_key',
  'api_key',
  'api_secret',
  'secret',
  'client_secret',
  'private_key',
  'token',
  'access_token',
  'refresh_token',
  'id_token',
  'jwt',
  'password',
  'passwd',
  'data_tools',
  'user_context',
  'metadata',
  'room_metadata',
  'user_id',
  'identity',
  'participant_identity',
  'email',
  'phone',
  'phone_number',
  'text',
  'transcript',
  'utterance',
  'messages',
  'instructions',
  'prompt',
  'arguments',
] as const;

const FIELD = `(?:${MASKED_FIELDS.map((name) => name.replaceAll('_', '[-_]?')).join('|')}|lk\\.pii\\.[\\w.]+)`;
const HAS_FIELD = new RegExp(`"${FIELD}":`, 'i');
const IS_FIELD = new RegExp(`^${FIELD}$`, 'i');
const MASK = '[redacted]';

/**
 * The same fields in JSON that no parser has read. In a line that is not all JSON, quotes are as they are; in what an error
 * quotes they are escaped, as often as it was quoted. Of an object or a list all that follows goes: where it ends only a
 * parser could tell.
 */
const PLAIN_FIELDS = [
  { pattern: new RegExp(`("${FIELD}"\\s*:\\s*")(?:[^"\\\\]|\\\\.)+`, 'gi'), mask: `$1${MASK}` },
  { pattern: new RegExp(`("${FIELD}"\\s*:\\s*)[[{].*`, 'gi'), mask: `$1${MASK}` },
];
const QUOTED_FIELDS = [
  {
    pattern: new RegExp(
      `((?<!\\\\)(\\\\{1,31})"${FIELD}\\2"\\s*:\\s*\\2")(?:[^"\\\\]|(?!\\2")\\\\+"?)+`,
      'gi',
    ),
    mask: `$1${MASK}`,
  },
  {
    pattern: new RegExp(`((?<!\\\\)(\\\\{1,31})"${FIELD}\\2"\\s*:\\s*)[[{](?:[^"\\\\]|\\\\.)*`, 'gi'),
    mask: `$1${MASK}`,
  },
];

/** Where a word begins in text that may be JSON: not within another, and not within an escape such as `\n`. */
const START = '(?:(?<![\\w.+\\\\-])|(?<=\\\\[bfnrt]))';

interface Pattern {
  /** Text without it cannot match: most lines have none of these. */
  hint: string;
  pattern: RegExp;
  mask: string;
}

/** What secrets and people's data look like. Each is bounded, so that a long line takes time by its length alone. */
const PATTERNS: readonly Pattern[] = [
  // Tokens (JWT): two parts of JSON in base64url, and a signature.
  {
    hint: 'eyJ',
    pattern: new RegExp(`${START}eyJ[\\w-]{6,}\\.[\\w-]{2,}(?:\\.[\\w-]*)?`, 'g'),
    mask: MASK,
  },
  { hint: 'earer ', pattern: /(\b[Bb]earer )[\w~+/.=-]{8,}/g, mask: `$1${MASK}` },
  { hint: 'asic ', pattern: /(\b[Bb]asic )[\w+/=]{12,}/g, mask: `$1${MASK}` },
  // Keys of the usual makers, and ours.
  {
    hint: '_',
    pattern: /(?:charla|gsk|ghp|gho|github_pat|glpat|whsec|sk_live|sk_test|rk_live)_[\w-]{16,}/g,
    mask: MASK,
  },
  { hint: '-', pattern: /(?<![\w-])(?:sk|xox[abprs])-[\w-]{16,}/g, mask: MASK },
  { hint: 'AKIA', pattern: /AKIA[A-Z0-9]{16}/g, mask: MASK },
  // Credentials in URLs: `postgres://user:password@host`, `?token=…`.
  { hint: '://', pattern: /(:\/\/[^\s:@/"\\]{0,64}:)[^\s/"\\]{1,256}(?=@)/g, mask: `$1${MASK}` },
  {
    hint: '=',
    pattern:
      /([?&#;](?:access_token|token|jwt|api[-_]?key|key|password|secret|signature|sig)=)[^&\s"'#\\]+/gi,
    mask: `$1${MASK}`,
  },
  // Headers and variables as text.
  {
    hint: ':',
    pattern:
      /((?:authorization|x-api-key|api-key|cookie): ?(?:(?:bearer|basic) )?)(?!bearer\b|basic\b)[^\s,"'\\}[][^\s"'\\}]*/gi,
    mask: `$1${MASK}`,
  },
  {
    hint: '=',
    pattern: new RegExp(`(${START}[A-Z][A-Z0-9_]{0,40}(?:KEYS?|SECRET|TOKEN|PASSWORD)=)[^\\s"'\\\\]+`, 'g'),
    mask: `$1${MASK}`,
  },
  // Rooms and identities as livekit-sip names them: `call-_+34600111222_c8GFim8ncHVj`, `sip_+34600111222`.
  { hint: '_', pattern: /((?:-|sip)_)\+?\d{6,15}(?!\d)/g, mask: '$1[number]' },
  {
    hint: '@',
    pattern: new RegExp(
      `${START}[\\p{L}\\p{N}._%+-]{1,64}@(?:[\\p{L}\\p{N}-]{1,63}\\.){1,8}\\p{L}{2,24}`,
      'gu',
    ),
    mask: '[email]',
  },
];

/** What may be a telephone number: digits with single separators; not a number of JSON, an address, a time, or an id. */
const NUMBER =
  /(?:(?<![\w.+\\\-:[,])|(?<=[^"]:)|(?<=\\[bfnrt]))(?:\+|\()?\d[\d ().-]{6,22}\d(?![\w-]|[.:]\d)/g;
const DATE = /^\d{4}-\d\d-\d\d/;
const MAY_HAVE_NUMBER = /\d[\d ().-]{6}\d/;

/**
 * Makes a function that masks secrets and people's data in text: a log line of JSON, or any other.
 *
 * @param secrets - masked wherever they stand, whatever they look like
 */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  // As they stand in JSON too.
  const known = [...new Set(secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]))]
    // One may be part of another.
    .sort((a, b) => b.length - a.length);
  const line = (text: string) => {
    let shown = text;
    for (const secret of known) if (shown.includes(secret)) shown = shown.replaceAll(secret, MASK);
    if (HAS_FIELD.test(shown)) shown = withoutFields(shown);
    if (shown.includes('\\"')) shown = replaceAll(shown, QUOTED_FIELDS);
    for (const { hint, pattern, mask } of PATTERNS) {
      if (shown.includes(hint)) shown = shown.replace(pattern, mask);
    }
    return MAY_HAVE_NUMBER.test(shown) ? shown.replace(NUMBER, maskNumber) : shown;
  };
  return (text) => {
    const end = text.indexOf('\n');
    // Most often one line; several are each a line of JSON, perhaps.
    return end === -1 || end === text.length - 1 ? line(text) : text.split('\n').map(line).join('\n');
  };
}

let redactor: ((text: string) => string) | undefined;

/** Masks people's data and secrets, those that this process is configured with among them. */
export function redact(text: string): string {
  redactor ??= createRedactor(configuredSecrets());
  return redactor(text);
}

function withoutFields(text: string): string {
  if (!text.startsWith('{')) return replaceAll(text, PLAIN_FIELDS);
  try {
    const end = text.endsWith('\n') ? '\n' : '';
    return JSON.stringify(JSON.parse(text, maskField)) + end;
  } catch {
    return replaceAll(text, PLAIN_FIELDS);
  }
}

function replaceAll(text: string, patterns: readonly Omit<Pattern, 'hint'>[]): string {
  return patterns.reduce((shown, { pattern, mask }) => shown.replace(pattern, mask), text);
}

/** For `JSON.parse`. Whether something is there may be known. */
function maskField(name: string, value: unknown): unknown {
  const isKnown = value === null || typeof value === 'boolean' || value === '';
  return !isKnown && IS_FIELD.test(name) ? MASK : value;
}

/** 9 to 19 digits as telephones (E.164 has at most 15) and cards are written; else the text stays. */
function maskNumber(text: string): string {
  const groups = text.match(/\d+/g) ?? [];
  const digits = groups.join('').length;
  if (digits < 9 || digits > 19) return text;
  const [first = '', second = ''] = groups;
  const isWritten =
    text.startsWith('+') ||
    text.startsWith('00') ||
    groups.length === 1 ||
    (groups.length === 2 && first.length <= 4 && second.length >= 5 && !text.includes('.')) ||
    (groups.length > 2 && groups.every(({ length }) => length <= 4));
  return isWritten && !DATE.test(text) && !isIPv4(text) ? '[number]' : text;
}
