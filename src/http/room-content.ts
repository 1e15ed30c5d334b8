import { encodeRoomMetadata } from '../rooms/metadata.ts';
import type { ProfileStore } from '../sessions/profile-store.ts';
import type { Session } from '../sessions/session.ts';

/** What a room says of its session. */
export type RoomContent = Pick<
  Session,
  'id' | 'userId' | 'profile' | 'channel' | 'language' | 'dataTools' | 'revision'
>;

/** The metadata of the room of a session. @throws CharlaError as {@link ProfileStore} */
export async function metadataOf(
  { id, userId, profile, channel, language, dataTools, revision }: RoomContent,
  profiles: Pick<ProfileStore, 'getCached'>,
): Promise<string> {
  const hasProfile = (await profiles.getCached(profile)) !== undefined;
  const about = { id, userId, profile, channel, language };
  return encodeRoomMetadata({ session: about, dataTools, hasProfile, revision });
}
