import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What makes two pieces of speech the same sound. */
export interface SpeechKey {
  /** Who speaks; the same word for our own server on any port. */
  server: string;
  model: string;
  voice: string;
  speed: number;
  text: string;
}

/**
 * Speech kept on disk and shared by all processes of this machine: the phrases that the agent says often, and those
 * that it must be able to say when the voice's server is down. A file is written beside its place and renamed into it,
 * so a reader finds a whole one or none.
 */
export class SpeechCache {
  readonly #directory: string;

  /** @param home - `CHARLA_HOME`; the files are under `speech/` */
  constructor(home: string) {
    this.#directory = join(home, 'speech');
  }

  /** @returns PCM, mono, 24 kHz, 16 bit little-endian; undefined when it is not kept */
  async get(key: SpeechKey): Promise<Uint8Array | undefined> {
    return readFile(this.#path(key)).catch(() => undefined);
  }

  /** Keeps a piece of speech; `pcm` as {@link get} returns it. */
  async put(key: SpeechKey, pcm: Uint8Array): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const path = this.#path(key);
    const partial = `${path}.${randomUUID()}.part`;
    await writeFile(partial, pcm);
    await rename(partial, path);
  }

  #path(key: SpeechKey): string {
    const hash = createHash('sha256')
      .update(JSON.stringify([key.server, key.model, key.voice, key.speed, key.text]))
      .digest('hex');
    return join(this.#directory, `${hash}.pcm`);
  }
}
