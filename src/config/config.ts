import { homedir } from 'node:os';
import { join } from 'node:path';
import { config as readDotenv } from 'dotenv';
import { z } from 'zod';
import { CharlaError } from '../errors.ts';
import { apiKeyList } from './api-keys.ts';
import { commaList } from './comma-list.ts';
import { configProblems } from './config-problems.ts';
import { DEVELOPMENT_LIVEKIT_KEY, DEVELOPMENT_LIVEKIT_SECRET } from './development.ts';
import { localUrl } from './local-url.ts';
import { MECHANISMS, type Mechanism, mechanismList } from './mechanisms.ts';
import { networkList } from './networks.ts';
import { ollamaUrl } from './ollama-url.ts';
import { originList } from './origins.ts';
import { MOST_RING_SECONDS, phonePrefixList } from './outbound-values.ts';
import { proxyList } from './trusted-proxies.ts';
import { isWebhookUrl, webhookSecretList, webhookUrlList } from './webhook-values.ts';

const whole = (min: number, fallback: number, max = Number.MAX_SAFE_INTEGER) =>
  z.coerce.number().int().min(min).max(max).default(fallback);
const port = (fallback: number) => whole(1, fallback, 65_535);
const url = (...protocols: string[]) =>
  z.url({
    protocol: new RegExp(`^(${protocols.join('|')})$`),
    error: `is not a URL that starts with ${protocols.map((p) => `${p}://`).join(' or ')}`,
  });
const flag = (fallback: boolean) => z.stringbool({ error: 'is neither true nor false' }).default(fallback);
const language = z.enum(['es', 'en']);
const DEFAULT_LANGUAGE = 'es';

/**
 * Every variable that Charla reads, with its default. `.env.example` shows the same list; a test holds the two
 * together. The description is the comment of the variable there.
 */
export const configSchema = z.object({
  NODE_ENV: z
    .enum(['development', 'test', 'production'])
    .default('development')
    .describe('Outside development nothing starts without keys of its own.'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
    .default('info')
    .describe('How much is logged.'),
  CHARLA_HOME: z
    .string()
    .min(1)
    .transform(expandTilde)
    .default(() => join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'charla'))
    .describe('Where models, livekit-server and caches are kept.'),

  HOST: z.string().min(1).default('127.0.0.1').describe('Address of the HTTP API and the page.'),
  PORT: port(8000).describe('Port of the HTTP API and the page.'),
  ADMIN_API_KEY: z
    .string()
    .min(16, 'is shorter than 16 characters')
    .optional()
    .describe(
      'Key that opens everything, sent as X-API-Key. Outside development, this or API_KEYS is needed.',
    ),
  API_KEYS: apiKeyList
    .default([])
    .describe(
      'Keys of servers, by name and scope, separated by commas; «npm run charla -- keys create» makes one.',
    ),
  AUTH_JWKS_URL: url('http', 'https')
    .optional()
    .describe("Public keys of your users' own tokens (JWT; RS256, ES256 or EdDSA)."),
  AUTH_SECRET: z
    .string()
    .refine((secret) => Buffer.byteLength(secret) >= 32, 'is shorter than 32 bytes')
    .optional()
    .describe("Secret of your users' own tokens (JWT; HS256), in place of AUTH_JWKS_URL."),
  AUTH_ISSUER: z.string().min(1).optional().describe('What those tokens must have as iss.'),
  AUTH_AUDIENCE: z.string().min(1).optional().describe('What those tokens must have as aud.'),
  CLIENT_DATA_TOOLS: flag(true).describe(
    "People's own clients may give and change data tools; never what is private.",
  ),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: 'is not a URL that starts with https:// or http://' })
    .transform((given) => given.replace(/\/+$/, ''))
    .optional()
    .describe('Where carriers reach this HTTP API from outside: their signatures are made over it.'),
  CORS_ORIGINS: originList
    .default([])
    .describe('Origins of other pages that may call the HTTP API, separated by commas.'),
  TRUST_PROXY: proxyList
    .optional()
    .describe('Proxies whose X-Forwarded-For is believed: addresses, networks, loopback, uniquelocal.'),
  RATE_LIMIT_PER_MINUTE: whole(0, 600).describe(
    'Requests from one address in a minute; one key may send twenty times as many. 0 is no limit.',
  ),
  TOKEN_RATE_LIMIT_PER_MINUTE: whole(0, 60).describe('The same for POST /session/start and POST /token.'),
  REDIS_URL: url('redis', 'rediss')
    .optional()
    .describe('Redis in which several processes count requests together.'),

  DATABASE_URL: url('postgres', 'postgresql', 'memory')
    .optional()
    .describe(
      'PostgreSQL 15 or newer. Without one, PGlite in CHARLA_HOME, for one process; memory:// keeps nothing.',
    ),
  SESSION_IDLE_MINUTES: whole(1, 30).describe(
    'A session in which nobody talks, and that nobody asks for, expires after this long.',
  ),
  SESSION_MAX_MINUTES: whole(1, 720).describe('A session expires after this long, whatever happens in it.'),
  RETENTION_DAYS: whole(0, 30).describe(
    'Sessions that ended longer ago are deleted with all that hangs on them; 0 keeps them.',
  ),

  RECORDINGS_MAX_MB: whole(1, 512, 4_000).describe('A recording of a call ends at this size (MB).'),
  RECORDINGS_S3_URL: url('http', 'https')
    .optional()
    .describe(
      'S3-compatible store that recordings are kept in; without one, in CHARLA_HOME of charla serve.',
    ),
  RECORDINGS_S3_BUCKET: z.string().min(1).optional().describe('Its bucket, which is there already.'),
  RECORDINGS_S3_REGION: z.string().min(1).default('us-east-1').describe('Its region, where it has several.'),
  RECORDINGS_S3_ACCESS_KEY: z.string().min(1).optional().describe('Id of the key that opens it.'),
  RECORDINGS_S3_SECRET_KEY: z.string().min(1).optional().describe('The key.'),

  DATA_TOOLS_URL: z
    .string()
    .refine(isWebhookUrl, { error: 'is not a URL that starts with http:// or https://, without a password' })
    .optional()
    .describe('Your hook that tells what is known of a user when their session starts (docs/webhooks.md).'),
  DATA_TOOLS_TIMEOUT_MS: whole(50, 800, 10_000).describe(
    'The start of a session waits no longer for the hook (ms); the call can have the answer later.',
  ),
  DATA_TOOLS_FRESH_SECONDS: whole(0, 60, 86_400).describe(
    "How long the hook's answer about a user is used without asking again (s).",
  ),
  DATA_TOOLS_STALE_SECONDS: whole(0, 3600, 86_400).describe(
    'How long after that it is used at once while the hook is asked (s).',
  ),
  WEBHOOK_URLS: webhookUrlList
    .default([])
    .describe('Who is told of calls and of changed data tools; addresses separated by commas.'),
  WEBHOOK_SECRET: webhookSecretList
    .default([])
    .describe(
      'Signs webhooks and requests to the hook: whsec_ and base64. Two, separated by a comma, while one replaces the other.',
    ),

  LIVEKIT_URL: url('ws', 'wss', 'http', 'https')
    .default('ws://127.0.0.1:7880')
    .describe('The livekit-server that rooms live on.'),
  LIVEKIT_PUBLIC_URL: url('ws', 'wss')
    .optional()
    .describe('How browsers reach livekit-server, where that differs from LIVEKIT_URL.'),
  LIVEKIT_API_KEY: z.string().min(1).default(DEVELOPMENT_LIVEKIT_KEY).describe('API key of livekit-server.'),
  LIVEKIT_API_SECRET: z
    .string()
    .min(32, 'is shorter than 32 characters')
    .default(DEVELOPMENT_LIVEKIT_SECRET)
    .describe('API secret of livekit-server.'),
  LIVEKIT_ROOM: z
    .string()
    .min(1)
    .default('charla')
    .describe('Room of POST /token when the client names none.'),
  AGENT_NAME: z
    .string()
    .min(1)
    .default('charla')
    .describe('Name under which workers register and rooms ask for them.'),
  SIP_PORT: port(5070).describe('Port on which «charla dev --sip» takes telephone calls, on loopback.'),
  API_URL: z
    .string()
    .transform(commaList)
    .pipe(z.array(url('http', 'https')))
    .optional()
    .describe(
      'How workers reach the HTTP API, where that is not HOST and PORT; several addresses, separated by commas, are tried in order.',
    ),
  WORKER_PORT: port(8081).describe("Port of the worker's health check."),
  WORKER_METRICS_HOST: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe(
      "Address of the worker's metrics; other than loopback, they ask for a key with the scope metrics.",
    ),
  WORKER_METRICS_PORT: port(8082).describe("Port of the worker's metrics, GET /metrics."),
  MAX_CALLS_PER_WORKER: whole(1, 16).describe('Calls that one worker takes at once.'),
  JOB_MEMORY_LIMIT_MB: whole(200, 600).describe('A job process over this much memory (MB) is ended.'),

  MAX_GATEWAY_CALLS: whole(0, 30).describe(
    'Calls of Twilio, Telnyx and AudioSocket that one charla serve brings into rooms at once.',
  ),
  GATEWAY_CALL_MINUTES: whole(1, 120).describe(
    'Such a call is ended after this long, whatever its carrier says.',
  ),
  AUDIOSOCKET_PORT: z.coerce
    .number()
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe("Where calls of Asterisk's AudioSocket are taken (docs/phone.md); nowhere unless set."),
  AUDIOSOCKET_HOST: z.string().min(1).default('127.0.0.1').describe('Address of it.'),
  AUDIOSOCKET_ALLOW: networkList
    .default(['127.0.0.0/8', '::1'])
    .describe('Who may bring calls there: addresses and networks, separated by commas.'),

  TWILIO_ACCOUNT_SID: z
    .string()
    .regex(/^AC[0-9a-f]{32}$/, 'is not «AC» and 32 hexadecimal digits')
    .optional()
    .describe(
      'Account of Twilio; with TWILIO_AUTH_TOKEN and PUBLIC_URL, calls come from there (docs/phone.md).',
    ),
  TWILIO_AUTH_TOKEN: z
    .string()
    .min(1)
    .optional()
    .describe("Auth token of that account: Twilio's webhooks are signed with it."),
  TWILIO_API_URL: url('http', 'https')
    .optional()
    .describe("Another address of Twilio's REST API; for tests."),
  TELNYX_API_KEY: z
    .string()
    .min(1)
    .optional()
    .describe(
      'API key of Telnyx; with TELNYX_PUBLIC_KEY and PUBLIC_URL, calls come from there (docs/phone.md).',
    ),
  TELNYX_PUBLIC_KEY: z
    .string()
    .regex(/^[A-Za-z0-9+/]{43}=$/, 'is not 32 bytes in base64')
    .optional()
    .describe(
      "Telnyx's public key, which its webhooks are signed with: Mission Control, Keys & Credentials.",
    ),
  TELNYX_API_URL: url('http', 'https')
    .optional()
    .describe("Another address of Telnyx's REST API, with /v2; for tests."),

  SIP_OUTBOUND_TRUNK: z
    .string()
    .min(1)
    .optional()
    .describe('Outbound trunk of calls that name none, by its id or name, where there are several.'),
  SIP_TRUNK_MAX_CALLS: whole(1, 10, 10_000).describe('Calls that we place through one trunk at once.'),
  OUTBOUND_PREFIXES: phonePrefixList
    .default([])
    .describe(
      'Beginnings of numbers that may be called, such as +34,+44, against fraud; + is any. Without them none may, except in development.',
    ),
  OUTBOUND_RING_SECONDS: whole(5, 45, MOST_RING_SECONDS).describe(
    'A call that we place and that nobody answers ends after this long (s).',
  ),

  LANGUAGE: z
    .preprocess(fromLanguageList, language)
    .default(DEFAULT_LANGUAGE)
    .describe(
      'Language of a session that names none: es or en. A list for gettext (es_ES:es) counts too; .env wins over it.',
    ),
  PROJECT_NAME: z.string().min(1).default('Charla').describe('Name shown on the page and said by the agent.'),
  AUTO_CONNECT: flag(true).describe('The page connects by itself on load.'),
  ENABLE_TOOLS: flag(true).describe('The page sends data tools.'),
  FRONTEND_THEME: z.enum(['modern', 'minimal', 'dark']).default('modern').describe('Theme of the page.'),

  SWITCHED_OFF: mechanismList
    .default([])
    .describe(
      `Mechanisms of turn taking that are left out, to compare or to rule out: ${MECHANISMS.join(', ')}.`,
    ),

  OPENAI_API_KEY: z.string().min(1).optional().describe('With it, OpenAI serves what «auto» decides.'),
  OLLAMA_HOST: z
    .preprocess((given) => (typeof given === 'string' ? ollamaUrl(given) : given), url('http', 'https'))
    .default('http://127.0.0.1:11434')
    .describe(
      'An Ollama that answers here is used by LLM_PROVIDER=auto. Any form that Ollama takes will do.',
    ),

  LLM_PROVIDER: z
    .enum(['auto', 'openai', 'ollama', 'local'])
    .default('auto')
    .describe('auto: OpenAI with a key, else a reachable Ollama, else our own inference.'),
  LLM_BASE_URL: url('http', 'https')
    .optional()
    .describe('Any OpenAI-compatible endpoint; wins over LLM_PROVIDER.'),
  LLM_API_KEY: z.string().min(1).optional().describe('Key of LLM_BASE_URL.'),
  LLM_MODEL: z.string().min(1).optional().describe('Model name; each provider has its own default.'),

  STT_PROVIDER: z
    .enum(['auto', 'openai', 'local'])
    .default('auto')
    .describe('auto: OpenAI with a key, else our own inference.'),
  STT_BASE_URL: url('http', 'https')
    .optional()
    .describe('Any OpenAI-compatible endpoint; wins over STT_PROVIDER.'),
  STT_API_KEY: z.string().min(1).optional().describe('Key of STT_BASE_URL.'),
  STT_MODEL: z.string().min(1).optional().describe('Model name; each provider has its own default.'),

  TTS_PROVIDER: z
    .enum(['auto', 'openai', 'local'])
    .default('auto')
    .describe('auto: OpenAI with a key, else our own inference.'),
  TTS_BASE_URL: url('http', 'https')
    .optional()
    .describe('Any OpenAI-compatible endpoint; wins over TTS_PROVIDER.'),
  TTS_API_KEY: z.string().min(1).optional().describe('Key of TTS_BASE_URL.'),
  TTS_MODEL: z.string().min(1).optional().describe('Model name; each provider has its own default.'),
  TTS_VOICE: z
    .string()
    .min(1)
    .optional()
    .describe('Voice of the agent; each provider has its own for each language.'),

  INFERENCE_HOST: z.string().min(1).default('127.0.0.1').describe('Address of the local models.'),
  INFERENCE_PORT: port(8090).describe('Port of the local models.'),
  INFERENCE_THREADS: whole(0, 0).describe(
    'Threads of each local model; 0 takes the number of cores, at most 8.',
  ),

  OTEL_EXPORTER_OTLP_ENDPOINT: url('http', 'https')
    .optional()
    .describe('Collector of traces, as OTLP over HTTP. Without one there are none.'),
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .min(1)
    .optional()
    .describe('Headers for it, such as its key: name=value, separated by commas.'),
  OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: flag(false).describe(
    'Traces carry what was said and the data tools too.',
  ),
});

/** The configuration, typed and checked. URLs have no trailing slash. */
export type Config = z.output<typeof configSchema>;
export type Language = z.output<typeof language>;

/**
 * Reads `.env` (never over what the environment already says) and the environment into one {@link Config}.
 *
 * @param env - the variables; empty strings count as unset, so that `NAME=` in `.env` means the default
 * @throws CharlaError `CHARLA_CONFIG_INVALID`, with every problem at once
 */
export function loadConfig(env: NodeJS.ProcessEnv = readEnvironment()): Config {
  const given = Object.fromEntries(
    Object.keys(configSchema.shape)
      .map((name) => [name, env[name]?.trim()] as const)
      .filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = configSchema.safeParse(given);
  const problems = parsed.success
    ? configProblems(parsed.data)
    : parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
  if (!parsed.success || problems.length > 0) {
    throw new CharlaError('CHARLA_CONFIG_INVALID', {
      problems: problems.map((line) => `  - ${line}`).join('\n'),
    });
  }
  return parsed.data;
}

/** Whether a mechanism of turn taking is in use. */
export function isOn(config: Config, mechanism: Mechanism): boolean {
  return !config.SWITCHED_OFF.includes(mechanism);
}

/** Base URL of the local models' OpenAI API, with `/v1`. */
export function inferenceBaseUrl(config: Config): string {
  return `${localUrl(config.INFERENCE_HOST, config.INFERENCE_PORT)}/v1`;
}

/** Base URL of the HTTP API as this machine reaches it. */
export function serveUrl(config: Config): string {
  return localUrl(config.HOST, config.PORT);
}

/** Base URLs of the HTTP API as workers reach it, to be tried in order. */
export function apiUrls(config: Config): string[] {
  return (config.API_URL ?? [serveUrl(config)]).map((url) => url.replace(/\/+$/, ''));
}

/**
 * The variables of `.env` and, over them, those of the environment. Only `LANGUAGE` of `.env` wins over a list of the
 * environment: sessions of Debian and Ubuntu export one for gettext, and nobody chose it for Charla.
 */
export function readEnvironment(): NodeJS.ProcessEnv {
  const fromFile: Record<string, string> = {};
  readDotenv({ processEnv: fromFile, quiet: true });
  const env = { ...fromFile, ...process.env };
  if (fromFile.LANGUAGE && isLanguageList(env.LANGUAGE)) env.LANGUAGE = fromFile.LANGUAGE;
  return env;
}

/** Whether a value of LANGUAGE is of gettext's form: `de_DE:de`, `en_US.UTF-8`. */
function isLanguageList(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z]{2,3}([_.@:-][\w.@:-]*)$/i.test(value);
}

function fromLanguageList(given: unknown): unknown {
  if (!isLanguageList(given)) return given;
  const codes = given.split(':').map((entry) => entry.split(/[_.@-]/)[0]?.toLowerCase());
  return codes.find((code) => language.safeParse(code).success) ?? DEFAULT_LANGUAGE;
}

function expandTilde(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}
