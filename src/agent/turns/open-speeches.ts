import { voice } from '@livekit/agents';

/** What the agent is about to say or is saying, in order; answers that are only being prepared ahead do not count. */
export class OpenSpeeches {
  readonly #open = new Set<voice.SpeechHandle>();

  follow(session: voice.AgentSession): void {
    session.on(voice.AgentSessionEventTypes.SpeechCreated, ({ speechHandle }) => {
      this.#open.add(speechHandle);
      speechHandle.addDoneCallback(() => this.#open.delete(speechHandle));
    });
  }

  /** Undefined when the agent has nothing to say. */
  get first(): voice.SpeechHandle | undefined {
    return [...this.#open].find((speech) => speech.scheduled && !speech.done());
  }
}
