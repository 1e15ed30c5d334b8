import type { Room } from '@livekit/rtc-node';
import { TOO_LATE, within } from '../../within.ts';

/** livekit-server, or the native library, says within this long that a room was left. */
const LEAVE_MS = 5_000;

/** The part of @livekit/rtc-node 0.13 that hears everything of its native library; it keeps it as a global, and exports it not. */
interface NativeEvents {
  off(event: 'ffi_event', listener: unknown): void;
}

/**
 * Leaves a room for good, also one that was closed from outside. There `Room.disconnect` returns at once: its listener to
 * the native library would stay as long as the process, hold the room, and run at each event of every other call.
 *
 * @throws Error when the native library does not say in time that it was left; what can be freed is freed all the same
 */
export async function leaveRoom(room: Room): Promise<void> {
  try {
    const left = await within(LEAVE_MS, room.disconnect());
    if (left === TOO_LATE) throw new Error(`a room was not left within ${LEAVE_MS} ms`);
  } finally {
    nativeEvents()?.off('ffi_event', Reflect.get(room, 'onFfiEvent'));
    room.removeAllListeners();
  }
}

function nativeEvents(): NativeEvents | undefined {
  const client: unknown = Reflect.get(globalThis, '_ffiClientInstance');
  return isNativeEvents(client) ? client : undefined;
}

function isNativeEvents(client: unknown): client is NativeEvents {
  return typeof client === 'object' && client !== null && 'off' in client;
}
