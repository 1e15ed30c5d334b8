import type { Logger } from '../telemetry/log.ts';

/**
 * Asks a session for something, in a timer or in an event of the room. It refuses by an error before it has started and
 * from when it begins to close, some 100 ms before it says so; thrown there, that would end the process, and with it the
 * last events of the call's history.
 *
 * @returns undefined where it refused
 */
export function askSession<T>(log: Logger, what: () => T): T | undefined {
  try {
    return what();
  } catch (error) {
    log.debug({ err: error }, 'the session does not run; it was asked for nothing');
    return undefined;
  }
}
