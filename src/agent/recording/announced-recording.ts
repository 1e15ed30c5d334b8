import { voice } from '@livekit/agents';
import type { RecordingSettings } from '../../sessions/sound-settings.ts';
import { type CallRecorderOptions, recordCall } from './call-recorder.ts';

export interface AnnouncedRecordingOptions extends Omit<CallRecorderOptions, 'format'> {
  session: voice.AgentSession;
  /** What the caller hears. */
  output: voice.AudioOutput;
  /** What the agent says now, or is about to say. */
  currentSpeech: () => voice.SpeechHandle | undefined;
  /** What the agent says before anything is recorded. */
  notice: string;
}

/** The recording of a call, of which the caller hears first that it is made. */
export class AnnouncedRecording {
  readonly #options: AnnouncedRecordingOptions;
  #begun = false;
  #closed = false;
  /** Resolves when it is known whether there is a recording, with what ends it. */
  #recorder: Promise<(() => Promise<void>) | undefined> | undefined;
  #ended: Promise<void> | undefined;

  constructor(options: AnnouncedRecordingOptions) {
    this.#options = options;
  }

  /** Does what the profile says, once. What is said next comes after the notice, and is recorded. */
  use(settings: RecordingSettings | undefined): void {
    if (this.#begun || this.#closed || settings?.enabled !== true) return;
    this.#begun = true;
    const { log, notice } = this.#options;
    const told = settings.consent ? this.#say(notice) : Promise.resolve(true);
    this.#recorder = told.then(
      (isTold) => {
        if (!isTold) log.error('the caller was not told that the call is recorded, so it is not');
        if (!isTold || this.#closed) return undefined;
        return recordCall({ ...this.#options, format: settings.format });
      },
      (error: unknown) => {
        log.error({ err: error }, 'the caller could not be told that the call is recorded, so it is not');
        return undefined;
      },
    );
  }

  /** Ends the recording: its file is whole when this resolves. */
  close(): Promise<void> {
    this.#closed = true;
    this.#ended ??= (async () => {
      const end = await this.#recorder;
      await end?.();
    })();
    return this.#ended;
  }

  /** @returns whether it was heard to its end, as soon as that is known */
  async #say(notice: string): Promise<boolean> {
    const { session, output, currentSpeech } = this.#options;
    // Where a profile comes late; else this is said before anything else is.
    const before = currentSpeech();
    if (before !== undefined) await before.waitForPlayout();
    let failed = false;
    // Then it is another sentence that is heard.
    const onError = () => {
      failed = true;
    };
    session.on(voice.AgentSessionEventTypes.Error, onError);
    const finished = new Promise<boolean>((resolve) => {
      output.once(
        voice.AudioOutput.EVENT_PLAYBACK_FINISHED,
        ({ interrupted, playbackPosition }: voice.PlaybackFinishedEvent) =>
          resolve(!interrupted && playbackPosition > 0),
      );
    });
    try {
      const said = session.say(notice, { allowInterruptions: false }).waitForPlayout();
      const heard = await Promise.race([finished, said.then(() => false)]);
      return heard && !failed;
    } finally {
      session.off(voice.AgentSessionEventTypes.Error, onError);
    }
  }
}
