import querystring from 'node:querystring';
import { commaList } from './comma-list.ts';
import { configSchema, readEnvironment } from './config.ts';
import { DEVELOPMENT_LIVEKIT_SECRET } from './development.ts';

/**
 * Variables whose value is a secret, by what their names end in. LIVEKIT_API_KEY names a pair and opens nothing, and a
 * public key is for everybody.
 */
const SECRET_NAME = /(?:_KEY|_SECRETS?|_TOKEN|_PASSWORD|_HEADERS)$/;
const NO_SECRET = new Set(['LIVEKIT_API_KEY', 'TELNYX_PUBLIC_KEY']);
/** Shorter values would be found in ordinary words. */
const SHORTEST = 8;

/**
 * Every secret that this process is configured with, by value: keys, and the passwords in URLs. What everybody knows, the
 * development pair, is none.
 */
export function configuredSecrets(env: NodeJS.ProcessEnv = readEnvironment()): string[] {
  const secrets = Object.keys(configSchema.shape).flatMap((name) => {
    const value = env[name]?.trim() ?? '';
    if (SECRET_NAME.test(name) && !NO_SECRET.has(name)) return partsOf(value);
    return name.endsWith('_URL') ? [passwordIn(value)] : [];
  });
  return [...new Set(secrets)].filter(
    (secret) => secret.length >= SHORTEST && secret !== DEVELOPMENT_LIVEKIT_SECRET,
  );
}

/** Of `name=value,name=value` (OTEL_EXPORTER_OTLP_HEADERS) also each value. */
function partsOf(value: string): string[] {
  return [value, ...commaList(value).map((part) => part.slice(part.indexOf('=') + 1).trim())];
}

function passwordIn(url: string): string {
  return URL.canParse(url) ? querystring.unescape(new URL(url).password) : '';
}
