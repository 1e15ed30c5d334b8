import type { Room } from '@livekit/rtc-node';
import { RoomEvent } from '@livekit/rtc-node';
import pRetry from 'p-retry';
import type { Config } from '../config/config.ts';
import { parseRoomMetadata, type RoomSession } from '../rooms/metadata.ts';
import { type DataTools, parseDataTools } from '../sessions/data-tools.ts';
import type { Logger } from '../telemetry/log.ts';
import { askApi } from './ask-api.ts';

/** Who is in the call and what is known about them, as of now. */
export interface CallContext {
  session: RoomSession;
  dataTools: DataTools;
}

/** Id of the session of a room that is not ours. */
export const NO_SESSION = 'none';
const FETCH_TIMEOUT_MS = 3_000;

/**
 * Reads the session and its data tools from the room's metadata; what does not travel there (private or large) is
 * fetched from the HTTP API with a token of our own. A room that is not ours gets an anonymous session without data.
 */
export async function readCallContext(metadata: string, config: Config, log: Logger): Promise<CallContext> {
  const parsed = parseRoomMetadata(metadata);
  if (parsed === undefined) {
    const session = {
      id: NO_SESSION,
      userId: 'anonymous',
      profile: 'default',
      channel: 'browser',
      language: config.LANGUAGE,
    };
    return { session, dataTools: {} };
  }
  const inline = parsed.dataTools ?? {};
  if (parsed.dataToolsRef === undefined) return { session: parsed.session, dataTools: inline };
  try {
    return { session: parsed.session, dataTools: await fetchDataTools(parsed.session.id, config) };
  } catch (error) {
    log.error(
      { err: error, session: parsed.session.id },
      'data tools could not be fetched; the call goes on with the rest',
    );
    return { session: parsed.session, dataTools: inline };
  }
}

/**
 * Watches the room's metadata from now on; `notice` tells of a change that it could not see. Each is given to the
 * function of `use`, in order; those that came before there was one, then.
 */
export function watchCallContext(
  room: Room,
  config: Config,
  log: Logger,
): { use: (onChange: (context: CallContext) => Promise<void>) => void; notice: (metadata: string) => void } {
  let use: (onChange: (context: CallContext) => Promise<void>) => void = () => undefined;
  const user = new Promise<(context: CallContext) => Promise<void>>((resolve) => {
    use = resolve;
  });
  let last: Promise<void> = Promise.resolve();
  const notice = (metadata: string) => {
    last = last
      .then(async () => (await user)(await readCallContext(metadata, config, log)))
      .catch((error: unknown) => log.error({ err: error }, 'changed data tools could not be used'));
  };
  room.on(RoomEvent.RoomMetadataChanged, notice);
  return { use, notice };
}

async function fetchDataTools(sessionId: string, config: Config): Promise<DataTools> {
  return pRetry(
    async () => {
      const path = `/session/${encodeURIComponent(sessionId)}/data-tools`;
      const response = await askApi(config, path, { timeoutMs: FETCH_TIMEOUT_MS });
      if (!response.ok) throw new Error(`the API answered ${response.status}`);
      return parseDataTools(await response.json());
    },
    { retries: 1, minTimeout: 200 },
  );
}
