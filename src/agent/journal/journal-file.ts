import { appendFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { parseJson } from '../../parse-json.ts';
import { type CallEvent, callEventSchema } from '../../telemetry/call-event.ts';
import { deploymentName } from '../deployment-name.ts';
import { ownFile } from '../own-file.ts';

export const EXTENSION = '.jsonl';

/**
 * The folder for calls of this deployment that the API could not be told of. Several may share one CHARLA_HOME, and none
 * is to deliver the calls of another.
 */
export function journalFolder(config: Config): string {
  return join(config.CHARLA_HOME, 'journal', deploymentName(config));
}

/** Events of one call on disk, one a line, in order. Nobody else on this machine touches them while this one lives. */
export class JournalFile {
  readonly path: string;
  #release: (() => Promise<void>) | undefined;
  /** Where the last append broke off, a line has to begin anew. */
  #torn = false;

  constructor(config: Config, callId: string) {
    this.path = join(journalFolder(config), `${callId}${EXTENSION}`);
  }

  /** @returns whether it is ours now; false while another process has it */
  async take(): Promise<boolean> {
    // A process that was held up for so long has lost it: what it sends twice, the API takes once.
    this.#release ??= await ownFile(this.path, () => {
      this.#release = undefined;
    });
    return this.#release !== undefined;
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
