import type { FastifyRequest } from 'fastify';
import { isAdminKey } from '../config/admin-key.ts';
import { type Config, isOpenDevelopment } from '../config/config.ts';
import { CharlaError } from '../errors.ts';
import { type TokenBearer, verifyToken } from '../rooms/tokens.ts';
import type { Session } from '../sessions/session.ts';

/** Who may see and change a session: servers and agents all of it, the person in the call what is not private. */
export type SessionRole = 'server' | 'participant';

export interface Access {
  /** Whether the request comes from a server with the API key (or everything is open). */
  isServer(request: FastifyRequest): boolean;
  /** @throws CharlaError `CHARLA_UNAUTHORIZED` */
  requireServer(request: FastifyRequest): Promise<void>;
  /** For what is about all sessions. @throws CharlaError `CHARLA_UNAUTHORIZED` */
  requireAdmin(request: FastifyRequest): Promise<void>;
  /** For what only agents in calls do. @throws CharlaError `CHARLA_UNAUTHORIZED` */
  requireAgent(request: FastifyRequest): Promise<void>;
  /** @throws CharlaError `CHARLA_UNAUTHORIZED`, the same whether or not there is such a session */
  requireSession(request: FastifyRequest, session: Session | undefined): Promise<SessionRole>;
}

/**
 * Who may use the HTTP API. In development on loopback everything is open; else servers send `ADMIN_API_KEY` as
 * `X-API-Key`, and the person in a call their LiveKit token as `Authorization: Bearer`, for as long as the session exists.
 */
export function createAccess(config: Config): Access {
  const isOpen = isOpenDevelopment(config);
  const isServer = (request: FastifyRequest) => isOpen || isAdminKey(config, request.headers['x-api-key']);
  const requireServer = async (request: FastifyRequest) => {
    if (!isServer(request)) {
      throw new CharlaError('CHARLA_UNAUTHORIZED', { how: 'ADMIN_API_KEY in the header X-API-Key' });
    }
  };
  const bearerOf = async ({ headers }: FastifyRequest) => {
    const [scheme, token] = (headers.authorization ?? '').split(' ');
    return scheme?.toLowerCase() === 'bearer' && token !== undefined ? verifyToken(config, token) : undefined;
  };
  return {
    isServer,
    requireServer,
    requireAdmin: requireServer,
    async requireAgent(request) {
      if (isServer(request) || (await bearerOf(request))?.kind === 'agent') return;
      throw new CharlaError('CHARLA_UNAUTHORIZED', { how: "an agent's token as Authorization: Bearer" });
    },
    async requireSession(request, session) {
      if (isServer(request)) return 'server';
      const bearer = await bearerOf(request);
      if (bearer?.kind === 'agent') return 'server';
      if (bearer !== undefined && session !== undefined && isOf(session, bearer)) return 'participant';
      throw new CharlaError('CHARLA_UNAUTHORIZED', {
        how: 'ADMIN_API_KEY in the header X-API-Key, or the token of this session as Authorization: Bearer',
      });
    },
  };
}

/** A room may be used again: the token of somebody who was in it before this session began opens nothing of it. */
function isOf(session: Session, bearer: Extract<TokenBearer, { kind: 'participant' }>): boolean {
  if (bearer.room !== session.room) return false;
  // Tokens count in whole seconds.
  const began = Math.floor(session.createdAt.getTime() / 1000) * 1000;
  return bearer.identity === session.userId || bearer.issuedAt.getTime() >= began;
}
