import type { FastifyRequest } from 'fastify';
import { decodeJwt } from 'jose';
import { ADMIN_NAME, createKeyFinder, type Scope } from '../config/api-keys.ts';
import type { Config } from '../config/config.ts';
import { isOpenDevelopment } from '../config/development.ts';
import { type TokenBearer, verifyToken } from '../rooms/tokens.ts';
import { createUserTokens } from './user-tokens.ts';

/** Who sends a request, as far as what they show tells. */
export type Caller =
  /** A server. */
  | { kind: 'key'; name: string; scopes: ReadonlySet<Scope> }
  /** The agent of a call, or the person in one: by a token of ours. */
  | TokenBearer
  /** A user, by a token of the integrator's. */
  | { kind: 'user'; userId: string }
  /** Somebody who shows nothing, or nothing that counts; `why` ends a sentence. */
  | { kind: 'nobody'; why: string };

export interface Callers {
  /**
   * Who sends a request; found out once for each. At once where no token has to be checked.
   *
   * @throws CharlaError (or the promise) `CHARLA_AUTH_UNAVAILABLE`
   */
  callerOf(request: FastifyRequest): Caller | Promise<Caller>;
  /** Who sends a request, where that was found out already. */
  knownCaller(request: FastifyRequest): Caller | undefined;
  /** The server that sends a request, by its key; without asking anybody. */
  keyOf(request: FastifyRequest): Extract<Caller, { kind: 'key' }> | undefined;
  /** Whether an agent sends a request; without asking anybody. */
  isAgent(request: FastifyRequest): Promise<boolean>;
}

/** In development on loopback, whoever shows no token is a server with every right. */
const DEVELOPER: Extract<Caller, { kind: 'key' }> = {
  kind: 'key',
  name: 'development',
  scopes: new Set(['admin']),
};

/**
 * Finds out who sends a request. Servers send their key as `X-API-Key` or as `Authorization: Bearer` (ADMIN_API_KEY as
 * `X-API-Key` alone); agents, the person in a call and users a JWT as `Authorization: Bearer`.
 */
export function createCallers(config: Config): Callers {
  const isOpen = isOpenDevelopment(config);
  const verifyUser = createUserTokens(config);
  const findKey = createKeyFinder(config);
  const known = new WeakMap<FastifyRequest, Caller>();

  const keyShown = ({ headers }: FastifyRequest) => {
    const key = findKey(headers['x-api-key']) ?? applicationKey(bearerOf(headers.authorization));
    return key && { kind: 'key' as const, name: key.name, scopes: key.scopes };
  };
  const applicationKey = (bearer: string | undefined) => {
    const key = bearer === undefined || isJwt(bearer) ? undefined : findKey(bearer);
    return key?.name === ADMIN_NAME ? undefined : key;
  };

  const byToken = async (token: string): Promise<Caller> => {
    // Its own word on who signed it only chooses the check that it has to pass.
    if (claimsOf(token)?.iss === config.LIVEKIT_API_KEY) {
      return (await verifyToken(config, token)) ?? nobody('the token is not of a call here, or has expired');
    }
    if (verifyUser === undefined) return nobody('tokens of users are not set up here');
    const result = await verifyUser(token);
    return 'userId' in result ? { kind: 'user', userId: result.userId } : nobody(result.why);
  };

  const find = (request: FastifyRequest): Caller | Promise<Caller> => {
    const { headers } = request;
    const token = bearerOf(headers.authorization);
    if (isOpen) {
      if (token === undefined || !isJwt(token)) return DEVELOPER;
      return byToken(token).then((caller) => (caller.kind === 'nobody' ? DEVELOPER : caller));
    }
    const key = keyShown(request);
    if (key !== undefined) return key;
    if (token !== undefined && isJwt(token)) return byToken(token);
    const isShown = token !== undefined || headers['x-api-key'] !== undefined;
    return nobody(isShown ? 'the key that came is none of this server' : 'nothing of the kind came');
  };

  const callerOf = (request: FastifyRequest): Caller | Promise<Caller> => {
    const before = known.get(request);
    if (before !== undefined) return before;
    const found = find(request);
    if (!(found instanceof Promise)) {
      known.set(request, found);
      return found;
    }
    return found.then((caller) => {
      known.set(request, caller);
      return caller;
    });
  };

  return {
    callerOf,
    knownCaller: (request) => known.get(request),
    keyOf(request) {
      if (isOpen) return DEVELOPER;
      const before = known.get(request);
      if (before !== undefined) return before.kind === 'key' ? before : undefined;
      const key = keyShown(request);
      if (key !== undefined) known.set(request, key);
      return key;
    },
    async isAgent(request) {
      const token = bearerOf(request.headers.authorization);
      // Of others it may take asking for the keys of users.
      if (token === undefined || claimsOf(token)?.iss !== config.LIVEKIT_API_KEY) return false;
      return (await callerOf(request)).kind === 'agent';
    },
  };
}

function nobody(why: string): Caller {
  return { kind: 'nobody', why };
}

/** RFC 6750; schemes are in any case. */
function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const [scheme, token] = authorization.split(' ');
  return scheme?.toLowerCase() === 'bearer' && token ? token : undefined;
}

function isJwt(text: string): boolean {
  return text.split('.', 4).length === 3;
}

function claimsOf(token: string): { iss?: string } | undefined {
  try {
    return decodeJwt(token);
  } catch {
    return undefined;
  }
}
