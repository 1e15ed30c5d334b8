import type { NewCallEvent } from '../../telemetry/call-event.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { EventSink } from '../call-journal.ts';

/** Events of a call whose session is not known yet: kept, and passed on when it is. */
export class HeldEvents implements EventSink {
  readonly #log: Logger;
  readonly #create: () => EventSink;
  #held: NewCallEvent[] = [];
  #sink: EventSink | undefined;

  /**
   * @param session - id of the session; undefined: there will be none
   * @param create - makes what takes the events, once there is a session
   */
  constructor(session: Promise<string | undefined>, create: () => EventSink, log: Logger) {
    this.#create = create;
    this.#log = log;
    void session.then((id) => {
      if (id !== undefined) this.#open(id);
    });
  }

  write(event: NewCallEvent): void {
    if (this.#sink === undefined) this.#held.push(event);
    else this.#sink.write(event);
  }

  async close(): Promise<void> {
    if (this.#sink === undefined && this.#held.length > 0) {
      this.#log.error({ events: this.#held.length }, 'a call that never got a session is in no history');
    }
    await this.#sink?.close();
  }

  #open(sessionId: string): void {
    this.#sink = this.#create();
    for (const event of this.#held) {
      this.#sink.write(event.type === 'call.started' ? { ...event, session_id: sessionId } : event);
    }
    this.#held = [];
  }
}
