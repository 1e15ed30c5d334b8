import {
  AudioFrame,
  AudioSource,
  AudioStream,
  DisconnectReason,
  LocalAudioTrack,
  ParticipantKind,
  type RemoteTrack,
  Room,
  RoomEvent,
  RpcError,
  TrackKind,
  TrackPublishOptions,
  TrackSource,
} from '@livekit/rtc-node';
import type { z } from 'zod';
import { messageOf } from '../../errors.ts';
import { parseJson } from '../../parse-json.ts';
import {
  LINE_TOPIC,
  type LineMessage,
  SEND_DIGITS_METHOD,
  sendDigitsSchema,
  TRANSFER_METHOD,
  transferSchema,
  VOICE_TOPIC,
  VOICE_TRACK,
  voiceMessageSchema,
} from '../../rooms/line-messages.ts';
import { DESTINATION } from '../../sessions/phone-settings.ts';
import { codeOfKey } from '../../telephone-keys.ts';
import { FRAME_MS, FRAME_SAMPLES, LINE_RATE } from '../line.ts';
import { leaveRoom } from './leave-room.ts';

/** What happens in the room of a call. */
export interface RoomListener {
  /** Sound of a track: 16-bit PCM, mono, {@link LINE_RATE}. The samples are to be copied. */
  onSound(track: string, samples: Int16Array, options: { isVoice: boolean }): void;
  /** @param error - why it could not be heard */
  onTrackEnded(track: string, error?: unknown): void;
  /** The agent's voice stopped in the middle, or goes on. */
  onVoiceFlows(flows: boolean): void;
  /** Nobody else is there any more, or somebody is again. */
  onAlone(alone: boolean): void;
  /** The connection to the room is lost, and sought again; or it is there again. */
  onReconnecting(reconnecting: boolean): void;
  /**
   * `closed`: the room was, or we were sent out of it; `lost`: livekit-server is away. Called once at most, of a person who
   * has joined, and not after {@link PersonInRoom.leave}.
   */
  onGone(why: 'closed' | 'lost'): void;
  /** @throws CharlaError */
  onSendDigits(digits: string): Promise<void>;
  /** @throws CharlaError */
  onTransfer(to: string, options: { ringSeconds: number }): Promise<void>;
}

/** Sound that the source holds at most, ms: longer than a timer is ever late. */
const SOURCE_QUEUE_MS = 200;
/** Frames that the source has not taken; while there are more, it is stuck, and they are lost. */
const MOST_PENDING = 10;
/** Of speech at 8 kHz Opus needs no more, bit/s. */
const MAX_BITRATE = 24_000n;

const GONE_FOR_GOOD: readonly DisconnectReason[] = [
  DisconnectReason.ROOM_DELETED,
  DisconnectReason.ROOM_CLOSED,
  DisconnectReason.PARTICIPANT_REMOVED,
  DisconnectReason.DUPLICATE_IDENTITY,
];

/** What a call needs of its person. */
export type Person = Pick<PersonInRoom, 'isAlone' | 'isGone' | 'speak' | 'press' | 'tell' | 'leave'>;

/** The profile's list is asked by the agent. Nothing else goes to a carrier. */
const knownTransferSchema = transferSchema.refine(({ to }) => DESTINATION.test(to), 'to is nobody’s number');

/** The person of a carrier's call as a participant of its room: their voice, their ears, their keys. */
export class PersonInRoom {
  readonly #room = new Room();
  readonly #source = new AudioSource(LINE_RATE, 1, SOURCE_QUEUE_MS);
  readonly #listener: RoomListener;
  #pending = 0;
  #joined = false;
  #left = false;

  private constructor(listener: RoomListener) {
    this.#listener = listener;
  }

  /** @throws Error when livekit-server cannot be reached or does not take the token */
  static async join(
    { url, token }: { url: string; token: string },
    listener: RoomListener,
  ): Promise<PersonInRoom> {
    const person = new PersonInRoom(listener);
    try {
      await person.#join(url, token);
    } catch (error) {
      // Why it could not be joined says more.
      await person.leave().catch(() => undefined);
      throw error;
    }
    return person;
  }

  /** Whether nobody else is in the room. */
  get isAlone(): boolean {
    return this.#room.remoteParticipants.size === 0;
  }

  /** Whether the room was left, or lost. */
  get isGone(): boolean {
    return this.#left;
  }

  /** Says {@link FRAME_SAMPLES} samples. Never waits: what the source has no room for is lost. */
  speak(frame: Int16Array): void {
    if (this.#left || this.#pending >= MOST_PENDING) return;
    this.#pending += 1;
    this.#source
      .captureFrame(new AudioFrame(frame, LINE_RATE, 1, FRAME_SAMPLES))
      // Refused while the room is being left.
      .catch(() => undefined)
      .finally(() => {
        this.#pending -= 1;
      });
  }

  /** Presses a key. @throws Error when the room is away */
  async press(digit: string): Promise<void> {
    await this.#room.localParticipant?.publishDtmf(codeOfKey(digit), digit);
  }

  /** Tells the agents in the room. @throws Error when the room is away */
  async tell(message: LineMessage): Promise<void> {
    const agents = [...this.#room.remoteParticipants.values()].filter(
      ({ info }) => info.kind === ParticipantKind.AGENT,
    );
    if (agents.length === 0) return;
    await this.#room.localParticipant?.publishData(Buffer.from(JSON.stringify(message)), {
      reliable: true,
      topic: LINE_TOPIC,
      destination_identities: agents.map(({ identity }) => identity),
    });
  }

  /** @throws Error when it is not known whether the room was left */
  async leave(): Promise<void> {
    if (this.#left) return;
    this.#left = true;
    try {
      await leaveRoom(this.#room);
    } finally {
      await this.#source.close();
    }
  }

  async #join(url: string, token: string): Promise<void> {
    const room = this.#room;
    const listener = this.#listener;
    room.on(RoomEvent.TrackSubscribed, (track, { sid, name }) => {
      if (track.kind === TrackKind.KIND_AUDIO) void this.#hear(track, sid ?? '', name === VOICE_TRACK);
    });
    room.on(RoomEvent.ParticipantConnected, () => listener.onAlone(false));
    room.on(RoomEvent.ParticipantDisconnected, () => {
      if (this.isAlone) listener.onAlone(true);
    });
    room.on(RoomEvent.Reconnecting, () => listener.onReconnecting(true));
    room.on(RoomEvent.Reconnected, () => {
      listener.onAlone(this.isAlone);
      listener.onReconnecting(false);
    });
    room.on(RoomEvent.DataReceived, (payload, participant, _kind, topic) => {
      if (topic !== VOICE_TOPIC || participant?.info.kind !== ParticipantKind.AGENT) return;
      const { success, data } = voiceMessageSchema.safeParse(parseJson(Buffer.from(payload).toString()));
      if (success) listener.onVoiceFlows(data.flows);
    });
    room.on(RoomEvent.Disconnected, (reason) => {
      if (this.#left) return;
      // It is away already: nothing is waited for.
      void this.leave().catch(() => undefined);
      if (this.#joined) listener.onGone(GONE_FOR_GOOD.includes(reason) ? 'closed' : 'lost');
    });
    await room.connect(url, token, { autoSubscribe: true, dynacast: false });
    this.#serve(SEND_DIGITS_METHOD, sendDigitsSchema, ({ digits }) => listener.onSendDigits(digits));
    this.#serve(TRANSFER_METHOD, knownTransferSchema, ({ to, ring_s }) =>
      listener.onTransfer(to, { ringSeconds: ring_s }),
    );
    const track = LocalAudioTrack.createAudioTrack('telephone', this.#source);
    await room.localParticipant?.publishTrack(
      track,
      new TrackPublishOptions({
        source: TrackSource.SOURCE_MICROPHONE,
        audioEncoding: { maxBitrate: MAX_BITRATE },
        // Nothing is lost between a gateway and livekit-server, and a voice that begins is not to wait for the encoder.
        red: false,
        dtx: false,
      }),
    );
    if (this.#left) throw new Error('the room was lost while it was joined');
    this.#joined = true;
  }

  #serve<T>(method: string, schema: z.ZodType<T>, run: (request: T) => Promise<void>): void {
    this.#room.localParticipant?.registerRpcMethod(method, async ({ payload, callerIdentity }) => {
      // Others in the room are people who listen: a call is not theirs to give away.
      const { info } = this.#room.remoteParticipants.get(callerIdentity) ?? {};
      if (info?.kind !== ParticipantKind.AGENT)
        throw new RpcError(RpcError.ErrorCode.APPLICATION_ERROR, 'only the agent of the call may ask for it');
      const { success, data, error } = schema.safeParse(parseJson(payload));
      if (!success) throw new RpcError(RpcError.ErrorCode.APPLICATION_ERROR, error.message.slice(0, 200));
      try {
        await run(data);
      } catch (cause) {
        throw new RpcError(RpcError.ErrorCode.APPLICATION_ERROR, messageOf(cause).slice(0, 200));
      }
      return '{}';
    });
  }

  async #hear(track: RemoteTrack, sid: string, isVoice: boolean): Promise<void> {
    try {
      const stream = new AudioStream(track, { sampleRate: LINE_RATE, numChannels: 1, frameSizeMs: FRAME_MS });
      for await (const { data } of stream as AsyncIterable<AudioFrame>) {
        if (this.#left) break;
        this.#listener.onSound(sid, data, { isVoice });
      }
      this.#listener.onTrackEnded(sid);
    } catch (error) {
      // Gone before it could be heard, as when the room is joined again.
      this.#listener.onTrackEnded(sid, error);
    }
  }
}
