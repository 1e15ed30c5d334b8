import { AudioSource, LocalAudioTrack, type Room, TrackPublishOptions, TrackSource } from '@livekit/rtc-node';
import { VOICE_TRACK } from '../rooms/line-messages.ts';
import { TappedSink } from './recording/tapped-sink.ts';
import { InterruptibleOutput } from './turns/interruptible-output.ts';

/** What the voices speak in, Hz: the `pcm` format of `/audio/speech`. */
const SAMPLE_RATE = 24_000;
/** How far ahead of what is heard the sound is made: longer than the process is ever busy with something else. */
const QUEUE_MS = 200;

/**
 * The agent's voice, published as soon as the room is joined, so that whoever comes hears it from the first moment. The
 * framework's own output publishes it when somebody has come (`voice/room_io/room_io.ts` of @livekit/agents 1.9.0).
 *
 * @returns where the voice goes, and what of it is heard, for whoever records it
 */
export function publishVoice(
  room: Room,
  connected: Promise<unknown>,
): { output: InterruptibleOutput; heard: TappedSink } {
  const source = new AudioSource(SAMPLE_RATE, 1, QUEUE_MS);
  const track = LocalAudioTrack.createAudioTrack(VOICE_TRACK, source);
  const options = new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE });
  const audience = connected
    .then(() => room.localParticipant?.publishTrack(track, options))
    .then((publication) => publication?.waitForSubscription());
  const heard = new TappedSink(source);
  return { output: new InterruptibleOutput(heard, { sampleRate: SAMPLE_RATE, audience }), heard };
}
