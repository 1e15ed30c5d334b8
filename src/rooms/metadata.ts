import { z } from 'zod';
import { PRIVATE_KEY, withoutPrivate } from '../config/private-key.ts';
import { parseJson } from '../parse-json.ts';

/** Data tools over this many bytes of JSON go by reference: LiveKit takes 64 KiB of metadata in all. */
export const INLINE_DATA_TOOLS_BYTES = 32 * 1024;

const roomMetadata = z.object({
  v: z.literal(1),
  session: z.object({
    id: z.string().min(1),
    userId: z.string().min(1),
    profile: z.string().min(1),
    channel: z.string().min(1),
    language: z.enum(['es', 'en']),
    /** Of a telephone call. Everybody in the room may read this: no numbers. */
    phone: z.object({ direction: z.enum(['inbound', 'outbound']) }).optional(),
  }),
  /** The public data tools, where they are small enough to travel here. */
  dataTools: z.record(z.string(), z.json()).optional(),
  /** There is more (private or too large): `GET {apiUrl}/session/{id}/data-tools` with an agent token has all of it. */
  dataToolsRef: z.literal(true).optional(),
  /** The session's profile has settings: `GET {apiUrl}/profiles/{profile}` with an agent token has them. */
  profileRef: z.literal(true).optional(),
  /** Id of the call that we placed here; absent when it has begun, and in every other room. */
  call: z.string().min(1).optional(),
  /** Grows with each change, so that a change of what is not shown here is noticed too. */
  revision: z.int().optional(),
});

/** What a room says about its conversation: who talks, in which language, and the data tools or where they are. */
export type RoomMetadata = z.output<typeof roomMetadata>;
export type RoomSession = RoomMetadata['session'];

type DataTools = NonNullable<RoomMetadata['dataTools']>;

/**
 * The room metadata of a session, as the string that LiveKit carries (at most about 33 KiB). Every participant may see
 * it, so what is private is left out, and anything over {@link INLINE_DATA_TOOLS_BYTES} too; `dataToolsRef` then says
 * that there is more.
 */
export function encodeRoomMetadata({
  session,
  dataTools,
  hasProfile = false,
  revision,
  call,
}: {
  session: RoomSession;
  dataTools: DataTools;
  /** Whether the profile that the session names has settings. */
  hasProfile?: boolean;
  revision?: number;
  call?: string;
}): string {
  const shown = withoutPrivate(dataTools);
  const hasPrivate = dataTools[PRIVATE_KEY] !== undefined;
  const small = Buffer.byteLength(JSON.stringify(shown)) <= INLINE_DATA_TOOLS_BYTES;
  const metadata: RoomMetadata = {
    v: 1,
    session,
    ...(small && { dataTools: shown }),
    ...((hasPrivate || !small) && { dataToolsRef: true as const }),
    ...(hasProfile && { profileRef: true as const }),
    ...(call !== undefined && { call }),
    ...(revision !== undefined && { revision }),
  };
  return JSON.stringify(metadata);
}

/** Reads room metadata; undefined for an empty string, junk, or the metadata of a room that is not ours. */
export function parseRoomMetadata(metadata: string): RoomMetadata | undefined {
  return roomMetadata.safeParse(parseJson(metadata)).data;
}
