import { voice } from '@livekit/agents';
import type { Room } from '@livekit/rtc-node';
import { messageOf } from '../../errors.ts';
import type { ProfileSettings } from '../../sessions/profile.ts';
import type { Logger } from '../../telemetry/log.ts';
import { loopClip, silence } from './sound-clip.ts';

/** A shorter wait for an answer needs no sound. */
const THINKING_AFTER_MS = 900;
const THINKING_VOLUME = 0.4;

/**
 * What the caller hears behind the agent's voice: a track of its own beside the voice, so that it neither counts as
 * speech nor stops with it.
 */
export class AmbientSound {
  readonly #room: Room;
  readonly #session: voice.AgentSession;
  readonly #log: Logger;
  #begun = false;
  #closed = false;
  #player: voice.BackgroundAudioPlayer | undefined;
  #playing: voice.PlayHandle[] = [];
  #thinking: NodeJS.Timeout | undefined;

  constructor({ room, session, log }: { room: Room; session: voice.AgentSession; log: Logger }) {
    this.#room = room;
    this.#session = session;
    this.#log = log;
  }

  /** Plays what the profile says, once. A sound that cannot be played costs nothing but the sound. */
  async use({ ambience, thinking_sound: thinking = 'none' }: ProfileSettings): Promise<void> {
    const { sound = 'none', volume = 0 } = ambience ?? {};
    if (this.#begun || this.#closed || (sound === 'none' && thinking === 'none')) return;
    this.#begun = true;
    try {
      const player = new voice.BackgroundAudioPlayer();
      this.#player = player;
      const behind = sound === 'none' ? silence() : await loopClip(sound, volume);
      await player.start({ room: this.#room });
      if (this.#closed) return await this.#stop();
      this.#playing.push(player.play(behind));
      if (thinking !== 'none') await this.#whileThinking(player);
    } catch (error) {
      this.#log.error({ reason: messageOf(error) }, 'the sound behind the agent cannot be played');
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#stop();
  }

  async #whileThinking(player: voice.BackgroundAudioPlayer): Promise<void> {
    const keys = await loopClip('keyboard', THINKING_VOLUME);
    let playing: voice.PlayHandle | undefined;
    this.#session.on(voice.AgentSessionEventTypes.AgentStateChanged, ({ newState }) => {
      clearTimeout(this.#thinking);
      playing?.stop();
      playing = undefined;
      if (newState !== 'thinking' || this.#closed) return;
      this.#thinking = setTimeout(() => {
        playing = player.play(keys);
        this.#playing.push(playing);
      }, THINKING_AFTER_MS);
    });
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#thinking);
    for (const handle of this.#playing.splice(0)) handle.stop();
    const player = this.#player;
    this.#player = undefined;
    // The room may be gone by now, and its track with it.
    await player?.close().catch(() => undefined);
  }
}
