import { setTimeout as sleep } from 'node:timers/promises';
import type { RemoteParticipant, Room } from '@livekit/rtc-node';
import { RoomEvent } from '@livekit/rtc-node';
import { z } from 'zod';
import type { Config } from '../../config/config.ts';
import { PROFILE_ATTRIBUTE, SIP_ATTRIBUTES } from '../../rooms/sip-participant.ts';
import type { Logger } from '../../telemetry/log.ts';
import { askApi } from '../ask-api.ts';

const TIMEOUT_MS = 3_000;
/** Between two attempts, ms; the last one from then on. */
const RETRY_MS = [200, 1_000, 3_000, 10_000];

const answerSchema = z.object({ metadata: z.string() });

/**
 * Has the API open the session of a call whose room livekit-sip made, and asks until it does or the call is over.
 *
 * @param caller - the SIP participant, whose attributes say who calls whom
 * @returns the room's metadata, which name the session; undefined when there is none, which is in the log then
 */
export async function openSipSession(
  config: Config,
  room: Room,
  { attributes }: RemoteParticipant,
  log: Logger,
): Promise<string | undefined> {
  const over = new AbortController();
  room.once(RoomEvent.Disconnected, () => over.abort());
  const body = {
    room: room.name,
    caller: attributes[SIP_ATTRIBUTES.phoneNumber] || undefined,
    called: attributes[SIP_ATTRIBUTES.trunkPhoneNumber] || undefined,
    sip_call_id: attributes[SIP_ATTRIBUTES.callId],
    profile: attributes[PROFILE_ATTRIBUTE] || undefined,
  };
  for (let attempt = 0; !over.signal.aborted; attempt += 1) {
    try {
      const request = { method: 'POST', body, timeoutMs: TIMEOUT_MS, signal: over.signal } as const;
      const response = await askApi(config, '/calls/sip', request);
      if (response.ok) return answerSchema.parse(await response.json()).metadata;
      await response.body?.cancel();
      if (response.status < 500) {
        log.error({ status: response.status }, 'the API gives this call no session; it goes on without');
        return undefined;
      }
      throw new Error(`the API answered ${response.status}`);
    } catch (error) {
      if (over.signal.aborted) break;
      log.warn({ err: error }, 'the API could not be told of this call; it goes on, and it is tried again');
    }
    const wait = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)];
    await sleep(wait, undefined, { signal: over.signal, ref: false }).catch(() => undefined);
  }
  log.error('the call was over before the API could be told of it; it is in no history');
  return undefined;
}
