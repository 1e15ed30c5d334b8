import { createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { Config } from '../config/config.ts';
import { CharlaError, messageOf } from '../errors.ts';

/** Who shows the token, or why it does not count. */
export type UserTokenResult = { userId: string } | { why: string };

/** What the integrator's keys may sign with: no shared secret among them, so that no public key passes for one. */
const PUBLIC_KEY_ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'Ed25519'];
const CLOCK_TOLERANCE_SECONDS = 5;
const JWKS_TIMEOUT_MS = 3_000;
/** Keys are asked for again after this long, and once a key that is not known signed a token. */
const JWKS_MAX_AGE_MS = 10 * 60_000;
/** Between two such askings: tokens of made-up keys are no way to make us ask. */
const JWKS_COOLDOWN_MS = 30_000;

/**
 * Checks the tokens (JWT, RFC 7519) that the integrator signs for their users. `exp` and `sub` have to be there; `sub` is
 * the user's id.
 *
 * @returns undefined when no such tokens are configured; else a function, which throws CharlaError
 *   `CHARLA_AUTH_UNAVAILABLE` when the public keys cannot be had
 */
export function createUserTokens(
  config: Pick<Config, 'AUTH_JWKS_URL' | 'AUTH_SECRET' | 'AUTH_ISSUER' | 'AUTH_AUDIENCE'>,
): ((token: string) => Promise<UserTokenResult>) | undefined {
  const keys = keysOf(config);
  if (keys === undefined) return undefined;
  const { AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience } = config;
  const options = {
    algorithms: keys.algorithms,
    requiredClaims: ['exp', 'sub'],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
  };
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys.key, options);
      return payload.sub ? { userId: payload.sub } : { why: 'the token has no «sub»' };
    } catch (error) {
      if (error instanceof CharlaError) throw error;
      return { why: whyNot(error) };
    }
  };
}

function keysOf({
  AUTH_JWKS_URL,
  AUTH_SECRET,
}: Pick<Config, 'AUTH_JWKS_URL' | 'AUTH_SECRET'>):
  | { key: JWTVerifyGetKey; algorithms: string[] }
  | undefined {
  if (AUTH_SECRET !== undefined) {
    const secret = new TextEncoder().encode(AUTH_SECRET);
    return { key: () => secret, algorithms: ['HS256'] };
  }
  if (AUTH_JWKS_URL === undefined) return undefined;
  const remote = createRemoteJWKSet(new URL(AUTH_JWKS_URL), {
    timeoutDuration: JWKS_TIMEOUT_MS,
    cacheMaxAge: JWKS_MAX_AGE_MS,
    cooldownDuration: JWKS_COOLDOWN_MS,
  });
  const key: JWTVerifyGetKey = async (header, token) => {
    try {
      return await remote(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) {
        throw error;
      }
      const reason = messageOf(error);
      throw new CharlaError('CHARLA_AUTH_UNAVAILABLE', { reason }, { cause: error });
    }
  };
  return { key, algorithms: PUBLIC_KEY_ALGORITHMS };
}

function whyNot(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return `«${error.claim}» of the token is not right`;
  return 'the token is not signed as it has to be';
}
