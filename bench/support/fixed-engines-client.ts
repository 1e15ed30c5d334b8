import { z } from 'zod';
import type { Clip } from './heard-words.ts';

const requestsSchema = z.array(
  z.object({
    kind: z.enum(['stt', 'llm', 'tts']),
    /** The contestant that asked. */
    by: z.string(),
    state: z.enum(['answered', 'given up', 'running']),
    /** When the last byte of the answer was written, ms since the epoch. */
    answeredAt: z.number().optional(),
    /** From the request to its end, ms. */
    tookMs: z.number(),
    /** Sound that was to be transcribed, ms. */
    audioMs: z.number().optional(),
    /** Its words. */
    text: z.string().optional(),
  }),
);

/** One request to the engines, and what became of it. */
export type EngineRequest = z.output<typeof requestsSchema>[number];

/** What a benchmark tells the engines with fixed delays, and asks of them. */
export class FixedEnginesClient {
  readonly #url: string;

  /** @param port - of `fixed-engines-server.ts` */
  constructor(port: number) {
    this.#url = `http://127.0.0.1:${port}/bench`;
  }

  /** From now on speech to text knows these clips, and nothing else is words to it. */
  async hears(clips: readonly Clip[]): Promise<void> {
    await this.#put('clips', clips);
  }

  /** From now on the model answers with this. */
  async answers(answer: string): Promise<void> {
    await this.#put('answer', { answer });
  }

  /** Every request since the start, in order. */
  async requests(): Promise<EngineRequest[]> {
    const response = await fetch(`${this.#url}/requests`);
    return requestsSchema.parse(await response.json());
  }

  async #put(what: string, value: object): Promise<void> {
    const response = await fetch(`${this.#url}/${what}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(value),
    });
    if (!response.ok) throw new Error(`The engines refused the ${what}: ${await response.text()}`);
  }
}
