import { readdir, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Config } from '../../config/config.ts';
import { every } from '../../every.ts';
import type { Logger } from '../../telemetry/log.ts';
import { deliverEvents, firstEvents } from './deliver-events.ts';
import { EXTENSION, JournalFile, journalFolder } from './journal-file.ts';

const EVERY_MS = 30_000;
/** What could not be delivered for so long is people's data that nobody asks for. */
const KEPT_MS = 7 * 24 * 3_600_000;

/** Delivers, now and then, what calls left behind whose processes are gone. @returns stops it */
export function deliverJournalsAlways(config: Config, log: Logger): () => void {
  const stop = every(EVERY_MS, () => deliverJournals(config, log), {
    atOnce: true,
    onError: (error) => log.error({ err: error }, 'journals of calls could not be delivered'),
  });
  // What is being delivered at that moment is no reason to wait: it is in its file until it was taken.
  return () => void stop();
}

/**
 * Delivers the events that calls left in files because no API took them, once. Files of calls that still run, and those
 * that another worker delivers, are left alone; so are the others when no API answers, and those that it does not take
 * now, but for what is too old.
 */
export async function deliverJournals(config: Config, log: Logger): Promise<void> {
  const folder = journalFolder(config);
  const names = await readdir(folder).catch(() => []);
  let isApiThere = true;
  for (const name of names.filter((one) => one.endsWith(EXTENSION))) {
    const callId = basename(name, EXTENSION);
    const file = new JournalFile(config, callId);
    if (!(await file.take())) continue;
    try {
      const outcome: Outcome = isApiThere ? await deliverFile(config, callId, file, log) : 'unanswered';
      isApiThere = outcome !== 'unanswered';
      const isDropped = outcome !== 'done' && (await isTooOld(file));
      if (isDropped) {
        log.error({ call: callId }, 'the events of a call could not be delivered for a week; dropped');
      }
      if (outcome === 'done' || isDropped) await file.remove();
    } finally {
      await file.release();
    }
  }
}

async function isTooOld({ path }: JournalFile): Promise<boolean> {
  const changedAt = await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
  return changedAt !== undefined && Date.now() - changedAt > KEPT_MS;
}

/** What became of a file: it has done its duty; an API does not take all of it now; or none answered at all. */
type Outcome = 'done' | 'not taken' | 'unanswered';

async function deliverFile(config: Config, callId: string, file: JournalFile, log: Logger): Promise<Outcome> {
  const events = await file.read();
  for (let sent = 0; sent < events.length; ) {
    const batch = firstEvents(events.slice(sent));
    const delivery = await deliverEvents(config, callId, batch);
    if (delivery.kind === 'away') return delivery.isAnswered ? 'not taken' : 'unanswered';
    if (delivery.kind === 'refused') {
      log.error({ call: callId, code: delivery.code }, 'the API refuses the events of a call; dropped');
      return 'done';
    }
    sent += batch.length;
  }
  // Another worker may have been here in between.
  if (events.length > 0) {
    log.info({ call: callId, events: events.length }, 'events that a call left behind were delivered');
  }
  return 'done';
}
