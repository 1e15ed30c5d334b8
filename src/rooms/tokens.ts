import { AccessToken, TokenVerifier, TrackSource } from 'livekit-server-sdk';
import type { Config } from '../config/config.ts';

/** A participant's token opens its room for this long; a call that runs goes on after that. */
export const PARTICIPANT_TOKEN_SECONDS = 10 * 60;
/** Longer than a request takes: the clock of a worker's machine may be behind that of the server. */
const AGENT_TOKEN_SECONDS = 5 * 60;
/** A call goes on after its token has expired: for the HTTP API a participant's token still counts this much longer. */
export const CALL_TOLERANCE_SECONDS = 12 * 3600;

/** What the bearer of a token of ours may do with the HTTP API. */
export type TokenBearer =
  | { kind: 'agent' }
  | { kind: 'participant'; room: string; identity: string; session?: string };

/** Of a participant: the session that its token was given for. */
const SESSION_ATTRIBUTE = 'charla.session';

/**
 * A token with which a person joins one room: speak, listen, send text; no camera, no other room, nothing to administer.
 *
 * @param attributes - that the participant has from the start, and that everybody in the room sees
 * @returns the JWT and when it expires
 */
export async function participantToken(
  config: Config,
  {
    room,
    identity,
    session,
    attributes = {},
  }: { room: string; identity: string; session?: string; attributes?: Record<string, string> },
): Promise<{ token: string; expiresAt: Date }> {
  const token = new AccessToken(config.LIVEKIT_API_KEY, config.LIVEKIT_API_SECRET, {
    identity,
    ttl: PARTICIPANT_TOKEN_SECONDS,
    attributes: { ...attributes, ...(session !== undefined && { [SESSION_ATTRIBUTE]: session }) },
  });
  token.addGrant({
    roomJoin: true,
    room,
    canPublish: true,
    canPublishSources: [TrackSource.MICROPHONE],
    canPublishData: true,
    canSubscribe: true,
    canUpdateOwnMetadata: false,
  });
  return {
    token: await token.toJwt(),
    expiresAt: new Date(Date.now() + PARTICIPANT_TOKEN_SECONDS * 1000),
  };
}

/** A token with which a worker asks the HTTP API: it opens no room. @returns the JWT */
export async function agentToken({ LIVEKIT_API_KEY, LIVEKIT_API_SECRET }: Config): Promise<string> {
  const token = new AccessToken(LIVEKIT_API_KEY, LIVEKIT_API_SECRET, { ttl: AGENT_TOKEN_SECONDS });
  token.addGrant({ agent: true });
  return token.toJwt();
}

/**
 * Who shows this token; undefined when it is not ours, has expired (a participant's: more than
 * {@link CALL_TOLERANCE_SECONDS} ago), or grants neither an agent nor a room. That the participant's session still
 * exists is for the caller to check.
 */
export async function verifyToken(config: Config, token: string): Promise<TokenBearer | undefined> {
  const verifier = new TokenVerifier(config.LIVEKIT_API_KEY, config.LIVEKIT_API_SECRET);
  const claims = await verifier.verify(token, CALL_TOLERANCE_SECONDS).catch(() => undefined);
  if (claims?.video?.agent === true) {
    return (claims.exp ?? 0) * 1000 > Date.now() ? { kind: 'agent' } : undefined;
  }
  const room = claims?.video?.roomJoin === true ? claims.video.room : undefined;
  if (room === undefined || room === '' || claims?.sub === undefined) return undefined;
  const session = claims.attributes?.[SESSION_ATTRIBUTE];
  return { kind: 'participant', room, identity: claims.sub, ...(session !== undefined && { session }) };
}

/** The URL under which clients reach livekit-server: `ws://` or `wss://`. */
export function clientUrl(config: Config): string {
  return config.LIVEKIT_PUBLIC_URL ?? config.LIVEKIT_URL.replace(/^http/, 'ws');
}
