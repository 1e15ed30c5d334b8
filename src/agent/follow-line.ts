import { type Room, RoomEvent } from '@livekit/rtc-node';
import { parseJson } from '../parse-json.ts';
import {
  LINE_TOPIC,
  lineMessageSchema,
  PHONE_IDENTITY,
  VOICE_TOPIC,
  type VoiceMessage,
} from '../rooms/line-messages.ts';
import type { Logger } from '../telemetry/log.ts';
import type { InterruptibleOutput } from './turns/interruptible-output.ts';

/**
 * Keeps the agent's voice and a carrier's gateway in step: when the voice stops, so does what the gateway and the carrier
 * still hold of it; how much that is, the gateway tells, and the voice goes on from there. Does nothing where there is no
 * gateway.
 */
export function followLine(room: Room, output: InterruptibleOutput, log: Logger): void {
  output.followFlow((flows) => {
    if (!room.remoteParticipants.has(PHONE_IDENTITY)) return;
    const message: VoiceMessage = { flows };
    room.localParticipant
      ?.publishData(Buffer.from(JSON.stringify(message)), {
        reliable: true,
        topic: VOICE_TOPIC,
        destination_identities: [PHONE_IDENTITY],
      })
      .catch((error: unknown) => log.debug({ err: error }, 'the gateway was not told; the room is closing'));
  });
  room.on(RoomEvent.DataReceived, (payload, participant, _kind, topic) => {
    if (topic !== LINE_TOPIC || participant?.identity !== PHONE_IDENTITY) return;
    const { success, data } = lineMessageSchema.safeParse(parseJson(Buffer.from(payload).toString()));
    if (success) output.unheardMs = data.unheard_ms;
  });
}
