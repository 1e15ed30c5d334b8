import { setTimeout as sleep } from 'node:timers/promises';
import {
  AudioFrame,
  AudioSource,
  AudioStream,
  LocalAudioTrack,
  ParticipantKind,
  type RemoteParticipant,
  type RemoteTrack,
  Room,
  RoomEvent,
  type TextStreamReader,
  TrackKind,
  TrackPublishOptions,
  TrackSource,
} from '@livekit/rtc-node';

/** Sample rate of everything that a caller says and hears, Hz. */
export const CALLER_SAMPLE_RATE = 24_000;
const FRAME_MS = 20;
const FRAME_SAMPLES = (CALLER_SAMPLE_RATE * FRAME_MS) / 1000;
/** Sound ahead of what is being sent: a busy machine may hold this process up for as long, without a gap in its words. */
const QUEUE_MS = 240;
/** Louder than this is speech: comfort noise and codec artefacts are 20 dB and more below it. */
const SOUND_DB = -45;

/** One frame as the caller hears it. */
interface Heard {
  /** Arrival, ms of `performance.now()`. */
  at: number;
  pcm: Int16Array;
  loud: boolean;
}

/** A piece of transcript as the page would show it. */
export interface Caption {
  speaker: 'user' | 'agent';
  text: string;
  final: boolean;
  at: number;
}

/** An answer, as the caller got it. */
export interface Answer {
  /** What the captions say. */
  text: string;
  /** What was heard from the question's end to the answer's. */
  pcm: Int16Array;
  /** End of the question's sound to the first sound of the answer, ms. */
  voiceToVoiceMs: number;
}

/**
 * A person in a room, made of `@livekit/rtc-node`: a microphone that never stops (silence between words, like a real
 * one), ears that note when each sound came, and eyes for captions and states.
 */
export class Caller {
  readonly room = new Room();
  readonly captions: Caption[] = [];
  /** Parsed messages of the topics `charla.turn` and `charla.notice`, with their topic. */
  readonly messages: Array<{ topic: string; value: Record<string, unknown> }> = [];
  readonly #source = new AudioSource(CALLER_SAMPLE_RATE, 1, QUEUE_MS);
  readonly #heard: Heard[] = [];
  #toSay: Int16Array[] = [];
  #spoken: (() => void) | undefined;
  #open = true;
  #microphone: Promise<void> | undefined;

  /** Joins with a token of `POST /session/start`; resolves when the microphone is on. */
  static async join({ url, token }: { url: string; token: string }): Promise<Caller> {
    const caller = new Caller();
    await caller.#join(url, token);
    return caller;
  }

  /** The agent in the room, once it is there. */
  get agent(): RemoteParticipant | undefined {
    return [...this.room.remoteParticipants.values()].find((one) => one.info.kind === ParticipantKind.AGENT);
  }

  get agentState(): string {
    return this.agent?.attributes['lk.agent.state'] ?? 'absent';
  }

  /**
   * Speaks.
   *
   * @param pcm - mono, {@link CALLER_SAMPLE_RATE}, without silence at its end
   * @returns when its last sound left the microphone, ms of `performance.now()`
   */
  async say(pcm: Int16Array): Promise<number> {
    for (let start = 0; start < pcm.length; start += FRAME_SAMPLES) {
      const frame = new Int16Array(FRAME_SAMPLES);
      frame.set(pcm.subarray(start, start + FRAME_SAMPLES));
      this.#toSay.push(frame);
    }
    await new Promise<void>((resolve) => {
      this.#spoken = resolve;
    });
    return performance.now() + this.#source.queuedDuration;
  }

  /** Asks aloud and listens until the agent has answered. */
  async ask(pcm: Int16Array, timeoutMs = 60_000): Promise<Answer> {
    const captionsBefore = this.captions.length;
    const askedAt = await this.say(pcm);
    return this.listen(askedAt, captionsBefore, timeoutMs);
  }

  /** Asks in writing and listens until the agent has answered. */
  async type(text: string, timeoutMs = 60_000): Promise<Answer> {
    const captionsBefore = this.captions.length;
    const askedAt = performance.now();
    await this.room.localParticipant?.sendText(text, { topic: 'lk.chat' });
    return this.listen(askedAt, captionsBefore, timeoutMs);
  }

  /** Waits for an answer to what was said until `askedAt`. */
  async listen(askedAt: number, captionsBefore: number, timeoutMs = 60_000): Promise<Answer> {
    const firstSound = await this.until(
      () => this.firstSoundAfter(askedAt),
      timeoutMs,
      'the agent to make a sound',
    );
    await this.quiet(timeoutMs);
    const captions = this.captions
      .slice(captionsBefore)
      .filter((one) => one.speaker === 'agent' && one.final);
    return {
      text: captions.map((one) => one.text).join(' '),
      pcm: this.recording(askedAt),
      voiceToVoiceMs: firstSound - askedAt,
    };
  }

  /** Waits until the agent has greeted. @returns what it said */
  async greeted(timeoutMs = 60_000): Promise<string> {
    await this.until(() => this.firstSoundAfter(0), timeoutMs, 'the greeting');
    await this.quiet(timeoutMs);
    return this.captions.map((one) => one.text).join(' ');
  }

  /** Waits until the agent listens and has been silent for a second. */
  async quiet(timeoutMs = 60_000): Promise<void> {
    await this.until(
      () => this.agentState === 'listening' && performance.now() - (this.lastSound() ?? 0) > 1_000,
      timeoutMs,
      'the agent to finish',
    );
  }

  /** Arrival of the first sound after a moment, ms of `performance.now()`. */
  firstSoundAfter(moment: number): number | undefined {
    return this.#heard.find((frame) => frame.loud && frame.at >= moment)?.at;
  }

  /** Arrival of the newest sound. */
  lastSound(): number | undefined {
    return this.#heard.findLast((frame) => frame.loud)?.at;
  }

  /** What was heard since a moment, mono, {@link CALLER_SAMPLE_RATE}. */
  recording(since = 0): Int16Array {
    const frames = this.#heard.filter((frame) => frame.at >= since);
    const pcm = new Int16Array(frames.reduce((sum, frame) => sum + frame.pcm.length, 0));
    let at = 0;
    for (const frame of frames) {
      pcm.set(frame.pcm, at);
      at += frame.pcm.length;
    }
    return pcm;
  }

  /** Waits for a value that is not undefined or false; looks again each 20 ms. */
  async until<T>(look: () => T | undefined | false, timeoutMs: number, what: string): Promise<T> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const value = look();
      if (value !== undefined && value !== false) return value;
      if (performance.now() > deadline) {
        throw new Error(
          `waited ${timeoutMs} ms for ${what}; agent: ${this.agentState}, last heard ` +
            `${performance.now() - (this.lastSound() ?? 0)} ms ago; captions: ${JSON.stringify(this.captions)}`,
        );
      }
      await sleep(20);
    }
  }

  async hangUp(): Promise<void> {
    this.#open = false;
    await this.#microphone;
    await this.room.disconnect();
    await this.#source.close();
  }

  async #join(url: string, token: string): Promise<void> {
    this.room.on(RoomEvent.TrackSubscribed, (track) => {
      if (track.kind === TrackKind.KIND_AUDIO) void this.#hear(track);
    });
    this.room.registerTextStreamHandler('lk.transcription', (reader, { identity }) => {
      // The end of the call cuts what is still being said.
      this.#caption(reader, identity).catch(() => undefined);
    });
    for (const topic of ['charla.turn', 'charla.notice']) {
      this.room.registerTextStreamHandler(topic, (reader) => {
        void reader.readAll().then((text) => {
          this.messages.push({ topic, value: JSON.parse(text) as Record<string, unknown> });
        });
      });
    }
    await this.room.connect(url, token, { autoSubscribe: true, dynacast: false });
    const track = LocalAudioTrack.createAudioTrack('microphone', this.#source);
    await this.room.localParticipant?.publishTrack(
      track,
      new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }),
    );
    this.#microphone = this.#speakForever();
  }

  /** The source takes frames as fast as they are played, so it is the clock. */
  async #speakForever(): Promise<void> {
    const silence = new Int16Array(FRAME_SAMPLES);
    while (this.#open) {
      const samples = this.#toSay.shift();
      await this.#source.captureFrame(
        new AudioFrame(samples ?? silence, CALLER_SAMPLE_RATE, 1, FRAME_SAMPLES),
      );
      if (samples !== undefined && this.#toSay.length === 0) {
        this.#spoken?.();
        this.#spoken = undefined;
      }
    }
  }

  async #hear(track: RemoteTrack): Promise<void> {
    const stream = new AudioStream(track, {
      sampleRate: CALLER_SAMPLE_RATE,
      numChannels: 1,
      frameSizeMs: FRAME_MS,
    });
    for await (const frame of stream as AsyncIterable<AudioFrame>) {
      const pcm = frame.data.slice();
      this.#heard.push({ at: performance.now(), pcm, loud: levelDb(pcm) > SOUND_DB });
    }
  }

  async #caption(reader: TextStreamReader, identity: string): Promise<void> {
    const speaker = identity === this.room.localParticipant?.identity ? 'user' : 'agent';
    const text = await reader.readAll();
    // The agent's words are one stream that grows, whole at its end; the caller's are a new stream for each guess.
    const final = speaker === 'agent' || reader.info.attributes?.['lk.transcription_final'] !== 'false';
    this.captions.push({ speaker, text, final, at: performance.now() });
  }
}

/** Root mean square in dB under full scale. */
export function levelDb(pcm: Int16Array): number {
  let sum = 0;
  for (const sample of pcm) sum += sample * sample;
  return 10 * Math.log10(sum / Math.max(1, pcm.length) / 32_768 ** 2);
}
