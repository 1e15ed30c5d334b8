import type { z } from 'zod';
import type { Config } from '../../config/config.ts';
import { clientUrl, participantToken } from '../../rooms/tokens.ts';
import type { Session } from '../../sessions/session.ts';
import type { joinSchema } from '../schemas.ts';

/** What a client needs to join the room of a session. */
export async function joinDetails(
  config: Config,
  session: Session,
  identity: string,
): Promise<z.output<typeof joinSchema>> {
  const { id, room } = session;
  const { token, expiresAt } = await participantToken(config, { room, identity, session: id });
  return {
    session_id: session.id,
    room: session.room,
    identity,
    url: clientUrl(config),
    token,
    expires_at: expiresAt.toISOString(),
    language: session.language,
    profile: session.profile,
  };
}
