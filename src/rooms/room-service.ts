import { RoomServiceClient, type VideoGrant } from 'livekit-server-sdk';

type Header = Record<string, string>;

/** The SDK's tokens are good for ten minutes. */
const KEPT_MS = 5 * 60_000;

/**
 * The SDK's client, which signs a token for every request, and one that is about no room in particular (to open one, to
 * list them) once in five minutes: signing takes longer than all else that we do to open a room.
 */
export class KeptTokenRoomService extends RoomServiceClient {
  readonly #kept = new Map<string, { header: Promise<Header>; at: number }>();

  override authHeader(grant: VideoGrant): Promise<Header> {
    if (grant.room !== undefined) return super.authHeader(grant);
    const key = JSON.stringify(grant);
    const known = this.#kept.get(key);
    if (known !== undefined && Date.now() - known.at < KEPT_MS) return known.header;
    const header = super.authHeader(grant);
    this.#kept.set(key, { header, at: Date.now() });
    header.catch(() => this.#kept.delete(key));
    return header;
  }
}
