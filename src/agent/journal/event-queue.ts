import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/config.ts';
import { type CallEvent, callEventSchema, type NewCallEvent } from '../../telemetry/call-event.ts';
import type { Logger } from '../../telemetry/log.ts';
import { deliverEvents, firstEvents } from './deliver-events.ts';
import { JournalFile } from './journal-file.ts';

export interface EventQueueTimes {
  /**
   * From one attempt to the next while no API answers, ms.
   * @defaultValue 1000
   */
  retryMs?: number;
  /**
   * How long events wait in memory while no API answers, ms; then they go into a file.
   * @defaultValue 3000
   */
  inMemoryMs?: number;
  /**
   * Time for the last delivery, ms.
   * @defaultValue 3000
   */
  closeMs?: number;
}

/** Kept where there is no API, and no file either; an hour of talk has a few hundred. */
const MOST_IN_MEMORY = 1_000;

/**
 * Brings the events of one call to the API: in order, each once, without holding up whoever writes them. While no API
 * answers they wait in memory, and then in a file, which a worker delivers when this process is gone.
 */
export class EventQueue {
  readonly #config: Config;
  readonly #callId: string;
  readonly #log: Logger;
  readonly #times: Required<EventQueueTimes>;
  readonly #file: JournalFile;
  /** Events of the file that are not delivered yet, all older than those that wait in memory. */
  #inFile = 0;
  #waiting: CallEvent[] = [];
  #lastNumber = 0;
  #dropped = 0;
  #awaySince: number | undefined;
  #refused = false;
  #fileFailed = false;
  #closing = false;
  readonly #hurry = new AbortController();
  readonly #deadline = new AbortController();
  #sending: Promise<void> | undefined;

  constructor(config: Config, callId: string, log: Logger, times: EventQueueTimes = {}) {
    this.#config = config;
    this.#callId = callId;
    this.#log = log.child({ call: callId });
    this.#times = { retryMs: 1_000, inMemoryMs: 3_000, closeMs: 3_000, ...times };
    this.#file = new JournalFile(config, callId);
  }

  /** Takes an event, which is numbered here. Returns at once. */
  write(event: NewCallEvent): void {
    if (this.#refused || this.#closing) return;
    if (this.#waiting.length >= MOST_IN_MEMORY && event.type !== 'call.ended') {
      // Before it has a number: those that follow leave no gap.
      this.#dropped += 1;
      return;
    }
    const { data, error } = callEventSchema.safeParse({ ...event, number: this.#lastNumber + 1 });
    if (data === undefined) {
      // The API would refuse all that comes with it. Its paths only: the rest is what people said.
      const problems = error.issues.map(({ path }) => path.join('.'));
      this.#log.error({ type: event.type, problems }, 'an event of the call is not valid; it is left out');
      return;
    }
    this.#lastNumber = data.number;
    this.#waiting.push(data);
    this.#send();
  }

  /** Delivers what waits, as far as that works in time; the rest goes into the file. No event is taken any more. */
  async close(): Promise<void> {
    this.#closing = true;
    const timer = setTimeout(() => this.#deadline.abort(), this.#times.closeMs);
    this.#hurry.abort();
    await this.#sending;
    await this.#sendAll();
    clearTimeout(timer);
    await this.#toFile();
    await this.#file.release();
    if (this.#dropped > 0) this.#log.error({ events: this.#dropped }, 'events of the call were lost');
  }

  #send(): void {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
      // Something may have come in between.
      if (this.#waiting.length > 0 && !this.#closing) this.#send();
    });
  }

  /** Delivers until nothing is left; at the end of the call, until the first attempt that fails. */
  async #sendAll(): Promise<void> {
    for (;;) {
      const problem = await this.#sendSome().catch(String);
      if (problem === 'none left') return;
      if (problem === undefined) continue;
      this.#away(problem);
      if (this.#closing) return;
      if (performance.now() - (this.#awaySince ?? 0) >= this.#times.inMemoryMs) await this.#toFile();
      await sleep(this.#times.retryMs, undefined, { signal: this.#hurry.signal }).catch(() => undefined);
    }
  }

  /** One request. @returns why the events are still here; undefined when they are not */
  async #sendSome(): Promise<string | undefined> {
    const batch = firstEvents(this.#inFile > 0 ? await this.#readFile() : this.#waiting);
    if (batch.length === 0) return 'none left';
    const delivery = await deliverEvents(this.#config, this.#callId, batch, this.#deadline.signal);
    if (delivery.kind === 'away') return delivery.reason;
    if (delivery.kind === 'refused') {
      await this.#giveUp(delivery.code);
      return undefined;
    }
    this.#back();
    if (this.#inFile === 0) {
      this.#waiting.splice(0, batch.length);
      return undefined;
    }
    this.#inFile -= batch.length;
    if (this.#inFile > 0) return undefined;
    await this.#file.remove();
    await this.#file.release();
    return undefined;
  }

  async #readFile(): Promise<CallEvent[]> {
    const left = (await this.#file.read()).slice(-this.#inFile);
    // Whoever removed it takes care of what was in it.
    this.#inFile = left.length;
    return left.length > 0 ? left : this.#waiting;
  }

  async #toFile(): Promise<void> {
    const events = [...this.#waiting];
    if (events.length === 0) return;
    try {
      await this.#file.append(events);
      this.#waiting.splice(0, events.length);
      this.#inFile += events.length;
      this.#fileFailed = false;
    } catch (error) {
      if (!this.#fileFailed) {
        this.#log.error(
          { err: error },
          'events of the call cannot be written to a file; they wait in memory',
        );
      }
      this.#fileFailed = true;
    }
  }

  #away(reason: string): void {
    if (this.#awaySince !== undefined) return;
    this.#awaySince = performance.now();
    this.#log.warn({ reason }, 'no API takes the events of the call; they wait');
  }

  #back(): void {
    if (this.#awaySince === undefined) return;
    this.#awaySince = undefined;
    this.#log.info('the API takes the events of the call again');
  }

  async #giveUp(code: string): Promise<void> {
    this.#refused = true;
    this.#log.error({ code }, 'the API refuses the events of the call; its history ends here');
    this.#waiting = [];
    this.#inFile = 0;
    await this.#file.remove();
    await this.#file.release();
  }
}
