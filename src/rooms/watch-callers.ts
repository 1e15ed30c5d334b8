import { every } from '../every.ts';
import type { Logger } from '../telemetry/log.ts';
import type { AgentWatch } from './agent-watch.ts';
import { isRoomGone, type LiveKit } from './livekit.ts';

/** Callers hear it ring for longer. ms */
const INTERVAL_MS = 10_000;

/**
 * Hands the rooms that livekit-sip opens to the watch. Their agent is asked for by a dispatch rule, and tells the API of
 * them: of one that no worker took, nobody would know, and the caller would hear it ring until they give up. Rooms of
 * others, in which our agent was not asked for, stay as they are.
 *
 * @returns ends it
 */
export function watchCallers(options: {
  livekit: LiveKit;
  agentName: string;
  watch: Pick<AgentWatch, 'watch'>;
  log: Logger;
  /** @defaultValue 10000 */
  intervalMs?: number;
}): () => Promise<void> {
  const { livekit, agentName, watch, log, intervalMs = INTERVAL_MS } = options;
  let known: ReadonlySet<string> = new Set();

  const isForUs = async (room: string) => {
    try {
      const dispatches = await livekit.request(({ dispatches }) => dispatches.listDispatch(room), {
        idempotent: true,
      });
      return dispatches.some((dispatch) => dispatch.agentName === agentName);
    } catch (error) {
      if (isRoomGone(error)) return false;
      throw error;
    }
  };
  const look = async () => {
    const open = await livekit.request(({ rooms }) => rooms.listRooms(), { idempotent: true });
    const unnamed = open.filter(({ metadata }) => metadata === '').map(({ name }) => name);
    for (const room of unnamed) {
      if (!known.has(room) && (await isForUs(room))) watch.watch(room);
    }
    known = new Set(unnamed);
  };
  return every(intervalMs, look, {
    onError: (error) => log.debug({ err: error }, 'callers without an agent could not be looked for'),
  });
}
