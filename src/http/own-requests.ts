import { z } from 'zod';
import type { Config } from '../config/config.ts';
import { PRIVATE_KEY } from '../config/private-key.ts';
import { CharlaError } from '../errors.ts';
import type { Caller } from './callers.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body is data tools: its keys are the integrator's, and say nothing of whose it is. */
    bodyIsDataTools?: boolean;
  }
}

/** The parts of bodies that say whose something is, and what only servers decide. */
const bodySchema = z.looseObject({
  user_id: z.string().trim().optional(),
  identity: z.string().trim().optional(),
  room: z.unknown().optional(),
  profile: z.unknown().optional(),
  phone: z.unknown().optional(),
  data_tools: z.unknown().optional(),
});

type OwnConfig = Pick<Config, 'CLIENT_DATA_TOOLS'>;

/**
 * Refuses what a user's own client may not ask for on a route that is open to it: something for another user, a room
 * that others may be in, a profile (it decides what the agent may do), a telephone number (it is proof of nothing), data tools where the integrator does not want
 * them from there, or private ones anywhere.
 *
 * @param body - checked against the route's schema before
 * @throws CharlaError `CHARLA_FORBIDDEN`, `CHARLA_DATA_TOOLS_INVALID`
 */
export function checkOwnRequest({ CLIENT_DATA_TOOLS }: OwnConfig, caller: Caller, body: unknown): void {
  if (caller.kind !== 'user') return;
  const { user_id, identity, room, profile, phone, data_tools } = bodySchema.safeParse(body).data ?? {};
  const others = [user_id, identity].filter((named) => named !== undefined && named !== caller.userId);
  if (others.length > 0) throw forbidden('the token is for another user_id');
  if (room !== undefined) throw forbidden('only servers name the room');
  if (profile !== undefined) throw forbidden('only servers choose the profile');
  if (phone !== undefined) throw forbidden('only servers give telephone numbers');
  if (data_tools === undefined) return;
  if (!CLIENT_DATA_TOOLS) throw forbidden('here only servers give data tools');
  refusePrivate(data_tools, '/data_tools');
}

/**
 * Refuses a change of data tools that a person's own client may not make: any where the integrator does not want them
 * from there, and of private ones anywhere.
 *
 * @param body - data tools, or a patch of them
 * @throws CharlaError `CHARLA_FORBIDDEN`, `CHARLA_DATA_TOOLS_INVALID`
 */
export function checkOwnChange({ CLIENT_DATA_TOOLS }: OwnConfig, body: unknown): void {
  if (!CLIENT_DATA_TOOLS) throw forbidden('here only servers change data tools');
  refusePrivate(body, '');
}

/** @param at - JSON Pointer of the data tools in the body */
function refusePrivate(dataTools: unknown, at: string): void {
  if (typeof dataTools !== 'object' || dataTools === null || !Object.hasOwn(dataTools, PRIVATE_KEY)) return;
  const path = `${at}/${PRIVATE_KEY}`;
  throw new CharlaError('CHARLA_DATA_TOOLS_INVALID', { path, reason: 'only servers may set it' });
}

function forbidden(reason: string): CharlaError {
  return new CharlaError('CHARLA_FORBIDDEN', { who: "A person's own client", reason });
}
