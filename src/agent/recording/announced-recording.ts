import { voice } from '@livekit/agents';
import type { RecordingSettings } from '../../sessions/sound-settings.ts';
import { type CallRecorderOptions, recordCall } from './call-recorder.ts';

export interface AnnouncedRecordingOptions extends Omit<CallRecorderOptions, 'format'> {
  session: voice.AgentSession;
  /** What the caller hears. */
  output: voice.AudioOutput;
  /** What the agent says before anything is recorded. */
  notice: string;
}

/** The recording of a call, of which the caller hears first that it is made. */
export class AnnouncedRecording {
  readonly #options: AnnouncedRecordingOptions;
  #begun = false;
  #closed = false;
  #recorder: Promise<(() => Promise<void>) | undefined> | undefined;
  #ended: Promise<void> | undefined;

  constructor(options: AnnouncedRecordingOptions) {
    this.#options = options;
  }

  /** Does what the profile says, once; resolves when the caller has heard of it. */
  async use(settings: RecordingSettings | undefined): Promise<void> {
    if (this.#begun || this.#closed || settings?.enabled !== true) return;
    this.#begun = true;
    const { log, notice } = this.#options;
    if (settings.consent && !(await this.#say(notice))) {
      log.error('the caller was not told that the call is recorded, so it is not');
      return;
    }
    if (this.#closed) return;
    this.#recorder = recordCall({ ...this.#options, format: settings.format }).catch((error: unknown) => {
      log.error({ err: error }, 'the call cannot be recorded; it goes on');
      return undefined;
    });
    await this.#recorder;
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

  /** @returns whether it was heard to its end */
  async #say(notice: string): Promise<boolean> {
    const { session, output } = this.#options;
    let heard = false;
    let failed = false;
    const onFinished = ({ interrupted, playbackPosition }: voice.PlaybackFinishedEvent) => {
      heard = !interrupted && playbackPosition > 0;
    };
    // Then it is another sentence that was heard.
    const onError = () => {
      failed = true;
    };
    output.on(voice.AudioOutput.EVENT_PLAYBACK_FINISHED, onFinished);
    session.on(voice.AgentSessionEventTypes.Error, onError);
    try {
      await session.say(notice, { allowInterruptions: false }).waitForPlayout();
    } finally {
      output.off(voice.AudioOutput.EVENT_PLAYBACK_FINISHED, onFinished);
      session.off(voice.AgentSessionEventTypes.Error, onError);
    }
    return heard && !failed;
  }
}
