import type { FastifyRequest } from 'fastify';
import { opens } from '../config/api-keys.ts';
import type { Config } from '../config/config.ts';
import { CharlaError } from '../errors.ts';
import { isOpen, type Session } from '../sessions/session.ts';
import { type Caller, createCallers } from './callers.ts';
import { howToCall, PEOPLE, type Role } from './permissions.ts';

/** Who may see and change a session: servers and agents all of it, the person in the call what is not private. */
export type SessionRole = 'server' | 'participant';

export interface Access {
  /** Who sends a request. @throws CharlaError `CHARLA_AUTH_UNAVAILABLE` */
  callerOf(request: FastifyRequest): Caller | Promise<Caller>;
  /**
   * Lets in who has one of these roles; at once where no token has to be checked.
   *
   * @throws CharlaError (or the promise) `CHARLA_UNAUTHORIZED` for who shows nothing that counts, `CHARLA_FORBIDDEN`
   *   for others
   */
  require(request: FastifyRequest, allowed: readonly Role[]): void | Promise<void>;
  /** Whether the request comes from a server with a key of ours (or everything is open). */
  isServer(request: FastifyRequest): boolean;
  /** Whether the request comes from the agent of a call. */
  isAgent(request: FastifyRequest): Promise<boolean>;
  /** The caller as log lines name it: kind, and of a key its name. Nothing about a person. */
  label(request: FastifyRequest): string | undefined;
  /** What requests are counted by: the name of the key that came, if one did. */
  keyName(request: FastifyRequest): string | undefined;
  /**
   * What the caller may see of this session, and change.
   *
   * @throws CharlaError `CHARLA_UNAUTHORIZED`, the same whether or not there is such a session
   */
  requireSession(request: FastifyRequest, session: Session | undefined): Promise<SessionRole>;
}

/** Who may use the HTTP API; `permissions.ts` has the table. In development on loopback everything is open. */
export function createAccess(config: Config): Access {
  const callers = createCallers(config);
  const require: Access['require'] = (request, allowed) => {
    if (allowed.includes('anyone')) return;
    const caller = callers.callerOf(request);
    if (!(caller instanceof Promise)) return check(caller, allowed);
    return caller.then((found) => check(found, allowed));
  };
  return {
    callerOf: callers.callerOf,
    require,
    isServer: (request) => callers.keyOf(request) !== undefined,
    isAgent: callers.isAgent,
    label(request) {
      const caller = callers.knownCaller(request);
      return caller?.kind === 'key' ? `key ${caller.name}` : caller?.kind;
    },
    keyName: (request) => callers.keyOf(request)?.name,
    async requireSession(request, session) {
      const caller = await callers.callerOf(request);
      if (caller.kind === 'agent' || (caller.kind === 'key' && opens(caller, ['sessions']))) return 'server';
      if (session !== undefined && isOf(session, caller)) return 'participant';
      const why = caller.kind === 'nobody' ? caller.why : 'what came is not for it';
      throw new CharlaError('CHARLA_UNAUTHORIZED', { how: howToCall(['sessions', ...PEOPLE]), why });
    },
  };
}

function check(caller: Caller, allowed: readonly Role[]): void {
  if (caller.kind === 'key' ? opens(caller, allowed) : (allowed as readonly string[]).includes(caller.kind))
    return;
  const how = howToCall(allowed);
  if (caller.kind === 'nobody') throw new CharlaError('CHARLA_UNAUTHORIZED', { how, why: caller.why });
  const who = caller.kind === 'key' ? `The key «${caller.name}»` : WHO[caller.kind];
  throw new CharlaError('CHARLA_FORBIDDEN', { who, reason: `it needs ${how}` });
}

const WHO = { agent: 'An agent', participant: 'The person in a call', user: 'A user' } as const;

/** Whether a session is theirs: of the user, or the one that goes on in the room that the token opens. */
function isOf(session: Session, caller: Caller): boolean {
  if (caller.kind === 'user') return session.userId === caller.userId;
  if (caller.kind !== 'participant' || caller.room !== session.room || !isOpen(session)) return false;
  // A room may be used again: the token of somebody who was in it before this session began opens nothing of it.
  return caller.identity === session.userId || caller.session === session.id;
}
