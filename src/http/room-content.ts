import type { PlacedCalls } from '../calls/placed-calls.ts';
import { encodeRoomMetadata } from '../rooms/metadata.ts';
import type { ProfileStore } from '../sessions/profile-store.ts';
import type { Session } from '../sessions/session.ts';

/** What a room says of its session. */
export type RoomContent = Pick<
  Session,
  'id' | 'userId' | 'profile' | 'channel' | 'language' | 'phone' | 'dataTools' | 'revision'
>;

/** The metadata of the room of a session. @throws CharlaError as {@link ProfileStore} and {@link PlacedCalls} */
export async function metadataOf(
  { id, userId, profile, channel, language, phone, dataTools, revision }: RoomContent,
  profiles: Pick<ProfileStore, 'getCached'>,
  placed: Pick<PlacedCalls, 'waiting'>,
): Promise<string> {
  const [found, call] = await Promise.all([
    profiles.getCached(profile),
    phone?.direction === 'outbound' ? placed.waiting(id) : undefined,
  ]);
  const hasProfile = found !== undefined;
  const line = phone !== null && { phone: { direction: phone.direction } };
  const about = { id, userId, profile, channel, language, ...line };
  return encodeRoomMetadata({
    session: about,
    dataTools,
    hasProfile,
    revision,
    ...(call !== undefined && { call }),
  });
}
