import { z } from 'zod';
import type { Config } from '../config/config.ts';
import { CharlaError } from '../errors.ts';
import { PRIVATE_KEY } from '../rooms/metadata.ts';
import type { Caller } from './callers.ts';

/** The parts of bodies that say whose something is, and what only servers decide. */
const bodySchema = z.looseObject({
  user_id: z.string().trim().optional(),
  identity: z.string().trim().optional(),
  room: z.unknown().optional(),
  profile: z.unknown().optional(),
  data_tools: z.unknown().optional(),
});

/**
 * Refuses what a person's own client may not ask for on a route that is open to it: something for another user, a room
 * that others may be in, a profile (it decides what the agent may do), data tools where the integrator does not want
 * them from there, or private ones anywhere.
 *
 * @param route - `METHOD /url` as in `permissions.ts`
 * @param body - checked against the route's schema before
 * @throws CharlaError `CHARLA_FORBIDDEN`, `CHARLA_DATA_TOOLS_INVALID`
 */
export function checkOwnRequest(
  { CLIENT_DATA_TOOLS }: Pick<Config, 'CLIENT_DATA_TOOLS'>,
  caller: Caller,
  route: string,
  body: unknown,
): void {
  if (caller.kind !== 'user' && caller.kind !== 'participant') return;
  const isChange = /^(PUT|PATCH) .*\/data-tools$/.test(route);
  if (isChange && !CLIENT_DATA_TOOLS) throw forbidden('here only servers change data tools');
  if (caller.kind !== 'user' || isChange) return;
  const { user_id, identity, room, profile, data_tools } = bodySchema.safeParse(body).data ?? {};
  const others = [user_id, identity].filter((named) => named !== undefined && named !== caller.userId);
  if (others.length > 0) throw forbidden('the token is for another user_id');
  if (room !== undefined) throw forbidden('only servers name the room');
  if (profile !== undefined) throw forbidden('only servers choose the profile');
  if (data_tools === undefined) return;
  if (!CLIENT_DATA_TOOLS) throw forbidden('here only servers give data tools');
  if (typeof data_tools === 'object' && data_tools !== null && Object.hasOwn(data_tools, PRIVATE_KEY)) {
    const path = `/data_tools/${PRIVATE_KEY}`;
    throw new CharlaError('CHARLA_DATA_TOOLS_INVALID', { path, reason: 'only servers may set it' });
  }
}

function forbidden(reason: string): CharlaError {
  return new CharlaError('CHARLA_FORBIDDEN', { who: "A person's own client", reason });
}
