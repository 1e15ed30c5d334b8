import type { NewCallEvent } from '../../telemetry/call-event.ts';
import type { Logger } from '../../telemetry/log.ts';
import { within } from '../../within.ts';
import type { EventSink } from '../call-journal.ts';

/** At the end of the call: time for a session that is being opened, ms. */
const LAST_WAIT_MS = 2_000;

/** Events of a call whose session is not known yet: kept, and passed on when it is. */
export class HeldEvents implements EventSink {
  readonly #log: Logger;
  readonly #create: () => EventSink;
  #held: NewCallEvent[] = [];
  #sink: EventSink | undefined;
  /** Settles when it is known whether there is a session. */
  readonly #known: Promise<void>;
  #isOver = false;

  /**
   * @param session - id of the session; undefined: there will be none, and whoever found that out has said why
   * @param create - makes what takes the events, once there is a session
   */
  constructor(session: Promise<string | undefined>, create: () => EventSink, log: Logger) {
    this.#create = create;
    this.#log = log;
    this.#known = session.then((id) => {
      if (this.#isOver) return;
      if (id !== undefined) this.#open(id);
      else this.#end();
    });
  }

  write(event: NewCallEvent): void {
    if (this.#sink !== undefined) this.#sink.write(event);
    else if (!this.#isOver) this.#held.push(event);
  }

  async close(): Promise<void> {
    if (this.#held.length > 0) await within(LAST_WAIT_MS, this.#known);
    if (this.#held.length > 0) {
      this.#log.error({ events: this.#held.length }, 'a call that never got a session is in no history');
    }
    this.#end();
    await this.#sink?.close();
  }

  /** Takes no event any more, and no session. */
  #end(): void {
    this.#isOver = true;
    this.#held = [];
  }

  #open(sessionId: string): void {
    this.#sink = this.#create();
    for (const event of this.#held) {
      this.#sink.write(event.type === 'call.started' ? { ...event, session_id: sessionId } : event);
    }
    this.#held = [];
  }
}
