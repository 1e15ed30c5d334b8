import type { Config } from './config.ts';
import {
  DEVELOPMENT_LIVEKIT_KEY,
  DEVELOPMENT_LIVEKIT_SECRET,
  isLoopback,
  isOpenDevelopment,
} from './development.ts';

/** What is wrong between variables that are each right by themselves; a sentence for each problem. */
export function configProblems(config: Config): string[] {
  return [
    ...userTokenProblems(config),
    ...productionProblems(config),
    ...openMetrics(config),
    ...missingKeys(config),
    ...unsigned(config),
    ...carrierProblems(config),
    ...recordingProblems(config),
    ...openAudioSocket(config),
  ];
}

function userTokenProblems(config: Config): string[] {
  const { AUTH_JWKS_URL, AUTH_SECRET, AUTH_ISSUER, AUTH_AUDIENCE, LIVEKIT_API_SECRET, ADMIN_API_KEY } =
    config;
  const problems: string[] = [];
  if (AUTH_JWKS_URL !== undefined && AUTH_SECRET !== undefined) {
    problems.push('AUTH_JWKS_URL and AUTH_SECRET are both set; users have tokens of one kind');
  }
  if (AUTH_JWKS_URL?.startsWith('http:') && !isLoopback(new URL(AUTH_JWKS_URL).hostname)) {
    problems.push('AUTH_JWKS_URL is not https; whoever is on the way could put in keys of their own');
  }
  // Otherwise a token for one thing would open the other.
  if (AUTH_SECRET !== undefined && [LIVEKIT_API_SECRET, ADMIN_API_KEY].includes(AUTH_SECRET)) {
    problems.push('AUTH_SECRET is LIVEKIT_API_SECRET or ADMIN_API_KEY too; it has to be a secret of its own');
  }
  if (AUTH_JWKS_URL === undefined && AUTH_SECRET === undefined) {
    for (const [name, value] of Object.entries({ AUTH_ISSUER, AUTH_AUDIENCE })) {
      if (value !== undefined) problems.push(`${name} is set without AUTH_JWKS_URL or AUTH_SECRET`);
    }
  }
  return problems;
}

/** What may not stay as it is in development. */
function productionProblems(config: Config): string[] {
  if (isOpenDevelopment(config)) return [];
  const problems: string[] = [];
  const where = config.NODE_ENV === 'production' ? 'in production' : `with HOST=${config.HOST}`;
  if (hasDevelopmentKeys(config)) {
    problems.push(
      `LIVEKIT_API_KEY and LIVEKIT_API_SECRET are the public development pair; ${where} set your own`,
    );
  }
  if (!hasKeys(config)) {
    problems.push(
      `neither ADMIN_API_KEY nor API_KEYS is set; ${where} servers must send a key («npm run charla -- keys create» makes one)`,
    );
  }
  return problems;
}

/** Metrics on a network ask for a key, also in development. */
function openMetrics(config: Config): string[] {
  if (!isOpenDevelopment(config) || isLoopback(config.WORKER_METRICS_HOST) || hasKeys(config)) return [];
  return [
    `ADMIN_API_KEY or API_KEYS is not set; with WORKER_METRICS_HOST=${config.WORKER_METRICS_HOST} one is needed`,
  ];
}

function missingKeys(config: Config): string[] {
  return (['STT', 'LLM', 'TTS'] as const)
    .filter((kind) => config[`${kind}_PROVIDER`] === 'openai' && config[`${kind}_BASE_URL`] === undefined)
    .filter((kind) => (config[`${kind}_API_KEY`] ?? config.OPENAI_API_KEY) === undefined)
    .map((kind) => `${kind}_PROVIDER is openai and there is no key; set OPENAI_API_KEY`);
}

/** What is said of people goes out signed, except to where a developer is trying things. */
function unsigned(config: Config): string[] {
  const told = config.DATA_TOOLS_URL !== undefined || config.WEBHOOK_URLS.length > 0;
  if (!told || config.WEBHOOK_SECRET.length > 0 || isOpenDevelopment(config)) return [];
  return ['WEBHOOK_SECRET is not set; DATA_TOOLS_URL and WEBHOOK_URLS need it outside development'];
}

/** What a carrier gives and our own address are needed together. */
function carrierProblems(config: Config): string[] {
  const { TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_API_URL } = config;
  const { TELNYX_API_KEY, TELNYX_PUBLIC_KEY, TELNYX_API_URL, PUBLIC_URL } = config;
  const carriers = [
    { own: { TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN }, more: { TWILIO_API_URL } },
    { own: { TELNYX_API_KEY, TELNYX_PUBLIC_KEY }, more: { TELNYX_API_URL } },
  ];
  return carriers.flatMap(({ own, more }) => {
    const given = Object.entries({ ...own, ...more }).find(([, value]) => value !== undefined);
    if (given === undefined) return [];
    return Object.entries({ ...own, PUBLIC_URL })
      .filter(([, value]) => value === undefined)
      .map(([name]) => `${name} is not set; ${given[0]} needs it`);
  });
}

/** AudioSocket knows no password: beyond this machine, it is said who may come. */
function openAudioSocket({ AUDIOSOCKET_PORT, AUDIOSOCKET_HOST, AUDIOSOCKET_ALLOW }: Config): string[] {
  const isOpen = AUDIOSOCKET_PORT !== undefined && !isLoopback(AUDIOSOCKET_HOST);
  if (!isOpen || !AUDIOSOCKET_ALLOW.every((network) => ['127.0.0.0/8', '::1'].includes(network))) return [];
  return [
    `AUDIOSOCKET_ALLOW is not set; with AUDIOSOCKET_HOST=${AUDIOSOCKET_HOST} it has to name the switchboards that may bring calls`,
  ];
}

/** A store of recordings has a bucket and a key. */
function recordingProblems(config: Config): string[] {
  const { RECORDINGS_S3_URL, RECORDINGS_S3_BUCKET, RECORDINGS_S3_ACCESS_KEY, RECORDINGS_S3_SECRET_KEY } =
    config;
  const needed = {
    RECORDINGS_S3_URL,
    RECORDINGS_S3_BUCKET,
    RECORDINGS_S3_ACCESS_KEY,
    RECORDINGS_S3_SECRET_KEY,
  };
  const given = Object.entries(needed).find(([, value]) => value !== undefined);
  if (given === undefined) return [];
  return Object.entries(needed)
    .filter(([, value]) => value === undefined)
    .map(([name]) => `${name} is not set; ${given[0]} needs it`);
}

function hasDevelopmentKeys({ LIVEKIT_API_KEY, LIVEKIT_API_SECRET }: Config): boolean {
  return LIVEKIT_API_KEY === DEVELOPMENT_LIVEKIT_KEY || LIVEKIT_API_SECRET === DEVELOPMENT_LIVEKIT_SECRET;
}

function hasKeys({ ADMIN_API_KEY, API_KEYS }: Config): boolean {
  return ADMIN_API_KEY !== undefined || API_KEYS.length > 0;
}
