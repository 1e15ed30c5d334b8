import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { lock } from 'proper-lockfile';
import type { Config } from '../../config/config.ts';
import { parseJson } from '../../parse-json.ts';
import { type CallEvent, callEventSchema } from '../../telemetry/call-event.ts';

/** A file whose owner has not renewed its lock for this long was left by a process that is gone. ms */
const STALE_MS = 20_000;
export const EXTENSION = '.jsonl';

/**
 * The folder for calls of this deployment that the API could not be told of. Several may share one CHARLA_HOME, and none
 * is to deliver the calls of another.
 */
export function journalFolder({ CHARLA_HOME, LIVEKIT_URL, AGENT_NAME }: Config): string {
  const deployment = createHash('sha256').update(`${LIVEKIT_URL}\n${AGENT_NAME}`).digest('hex').slice(0, 16);
  return join(CHARLA_HOME, 'journal', deployment);
}

/** Events of one call on disk, one a line, in order. Nobody else on this machine touches them while this one lives. */
export class JournalFile {
  readonly path: string;
  readonly #folder: string;
  #release: (() => Promise<void>) | undefined;
  /** Where the last append broke off, a line has to begin anew. */
  #torn = false;

  constructor(config: Config, callId: string) {
    this.#folder = journalFolder(config);
    this.path = join(this.#folder, `${callId}${EXTENSION}`);
  }

  /** @returns whether it is ours now; false while another process has it */
  async take(): Promise<boolean> {
    if (this.#release !== undefined) return true;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    try {
      this.#release = await lock(this.path, {
        stale: STALE_MS,
        realpath: false,
        // A process that was held up for so long has lost it: what it sends twice, the API takes once.
        onCompromised: () => {
          this.#release = undefined;
        },
      });
      return true;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ELOCKED') return false;
      throw error;
    }
  }

  /** @throws Error when it cannot be written now */
  async append(events: readonly CallEvent[]): Promise<void> {
    if (!(await this.take())) throw new Error('another process delivers this file now');
    const lines = events.map((event) => `${JSON.stringify(event)}\n`).join('');
    const before = this.#torn ? '\n' : '';
    this.#torn = true;
    await appendFile(this.path, before + lines, { mode: 0o600 });
    this.#torn = false;
  }

  /** The events in order, each once; lines that broke off are left out. */
  async read(): Promise<CallEvent[]> {
    const text = await readFile(this.path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    const events: CallEvent[] = [];
    for (const line of text.split('\n')) {
      const event = callEventSchema.safeParse(parseJson(line)).data;
      if (event !== undefined && event.number > (events.at(-1)?.number ?? 0)) events.push(event);
    }
    return events;
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }

  /** Leaves it to whoever takes it next. */
  async release(): Promise<void> {
    const release = this.#release;
    this.#release = undefined;
    await release?.().catch(() => undefined);
  }
}
