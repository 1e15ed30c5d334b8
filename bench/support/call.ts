import { randomUUID } from 'node:crypto';
import type { Language } from '../../src/config/config.ts';
import { encodeRoomMetadata } from '../../src/rooms/metadata.ts';
import { openRoom } from '../../src/rooms/open-room.ts';
import { clientUrl, participantToken } from '../../src/rooms/tokens.ts';
import type { DataTools } from '../../src/sessions/data-tools.ts';
import { Caller } from '../../test/support/caller.ts';
import type { BenchStack } from './stack.ts';

/** A room that is open and waits for its caller. */
export interface OpenRoom {
  url: string;
  token: string;
  /** Ends the call and with it the agent's job. */
  close(): Promise<void>;
}

/** Opens a room as `POST /session/start` does: metadata and dispatch to one agent, before the token exists. */
export async function openBenchRoom(
  stack: BenchStack,
  { agentName, dataTools, language }: { agentName: string; dataTools: DataTools; language: Language },
): Promise<OpenRoom> {
  const { config, livekit } = stack;
  const id = randomUUID();
  const room = `bench-${id}`;
  const metadata = encodeRoomMetadata({
    session: { id, userId: 'bench', profile: 'default', channel: 'browser', language },
    dataTools,
  });
  await openRoom(livekit, { room, metadata, agentName });
  const { token } = await participantToken(config, { room, identity: 'caller' });
  return {
    url: clientUrl(config),
    token,
    close: async () => {
      // The room may have closed by itself.
      await livekit.request(({ rooms }) => rooms.deleteRoom(room)).catch(() => undefined);
    },
  };
}

/** A call: somebody in a room with the agent. */
export interface BenchCall {
  caller: Caller;
  /** Moment at which the caller began to join, ms of `performance.now()`. */
  joinedAt: number;
  hangUp(): Promise<void>;
}

/** Opens a room and joins it at once. */
export async function startCall(
  stack: BenchStack,
  about: { agentName: string; dataTools: DataTools; language: Language },
): Promise<BenchCall> {
  const room = await openBenchRoom(stack, about);
  const joinedAt = performance.now();
  const caller = await Caller.join(room);
  return {
    caller,
    joinedAt,
    hangUp: async () => {
      await caller.hangUp();
      await room.close();
    },
  };
}
