import {
  AudioStream,
  type Participant,
  ParticipantKind,
  type RemoteParticipant,
  type RemoteTrack,
  type Room,
  RoomEvent,
  TrackKind,
} from '@livekit/rtc-node';
import { RECORDING_SAMPLE_RATE, type SoundTimeline } from './sound-timeline.ts';

const FRAME_MS = 20;

/**
 * Puts all that people in a room say from now on onto the left channel of a timeline: the caller, and whoever else comes,
 * but no agent.
 *
 * @returns ends it
 */
export function hearPeople(room: Room, timeline: SoundTimeline): () => void {
  const readers = new Map<RemoteTrack, ReadableStreamDefaultReader>();
  const hear = (track: RemoteTrack | undefined, person: Participant) => {
    if (track?.kind !== TrackKind.KIND_AUDIO || readers.has(track)) return;
    if (person.info.kind === ParticipantKind.AGENT) return;
    const source = timeline.source(0);
    const stream = new AudioStream(track, {
      sampleRate: RECORDING_SAMPLE_RATE,
      numChannels: 1,
      frameSizeMs: FRAME_MS,
    });
    const reader = stream.getReader();
    readers.set(track, reader);
    const listen = async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        source.place(value.data, performance.now() - FRAME_MS);
      }
    };
    // Cancelled, or its track is gone.
    listen().catch(() => undefined);
  };
  const onTrack = (track: RemoteTrack, _publication: unknown, person: RemoteParticipant) =>
    hear(track, person);
  const onGone = (track: RemoteTrack) => {
    void readers.get(track)?.cancel();
    readers.delete(track);
  };
  room.on(RoomEvent.TrackSubscribed, onTrack);
  room.on(RoomEvent.TrackUnsubscribed, onGone);
  for (const person of room.remoteParticipants.values()) {
    for (const { track } of person.trackPublications.values()) hear(track, person);
  }
  return () => {
    room.off(RoomEvent.TrackSubscribed, onTrack);
    room.off(RoomEvent.TrackUnsubscribed, onGone);
    for (const reader of readers.values()) void reader.cancel();
    readers.clear();
  };
}
