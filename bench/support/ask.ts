import { NOTICE_TOPIC, TURN_TOPIC } from '../../src/agent/turn-reports.ts';
import type { Caller } from '../../test/support/caller.ts';
import type { BenchCall } from './call.ts';

const ANSWER_TIMEOUT_MS = 30_000;
/** The report of a turn travels beside its sound. */
const REPORT_TIMEOUT_MS = 2_000;

/** What became of one question. */
export type Turn =
  | { outcome: 'answered'; voiceToVoiceMs: number; report: Readonly<Record<string, number>> }
  /** The agent began to answer before the question was over. */
  | { outcome: 'cut off' }
  | { outcome: 'no answer' }
  /** A sentence came in the answer's place, because an engine failed. */
  | { outcome: 'apology' };

/**
 * Asks and listens to the end of the answer.
 *
 * @param question - mono, 24 kHz, without silence at its end
 */
export async function ask(
  caller: Caller,
  question: Int16Array,
  answerTimeoutMs = ANSWER_TIMEOUT_MS,
): Promise<Turn> {
  const reportsBefore = messages(caller, TURN_TOPIC).length;
  const noticesBefore = messages(caller, NOTICE_TOPIC).length;
  const beganAt = performance.now();
  const endedAt = await caller.say(question);
  const firstSound = await caller
    .until(() => caller.firstSoundAfter(endedAt), answerTimeoutMs, 'the answer')
    .catch(() => undefined);
  await caller.quiet(answerTimeoutMs).catch(() => undefined);
  if ((caller.firstSoundAfter(beganAt) ?? Number.POSITIVE_INFINITY) < endedAt) return { outcome: 'cut off' };
  if (firstSound === undefined) return { outcome: 'no answer' };
  if (messages(caller, NOTICE_TOPIC).length > noticesBefore) return { outcome: 'apology' };
  const report = await caller
    .until(() => messages(caller, TURN_TOPIC)[reportsBefore], REPORT_TIMEOUT_MS, 'the report of the turn')
    .catch(() => ({}));
  return { outcome: 'answered', voiceToVoiceMs: firstSound - endedAt, report: numbersOf(report) };
}

/** @returns ms from the beginning of the join to the greeting's first sound; undefined when none came */
export async function greeting({ caller, joinedAt }: BenchCall): Promise<number | undefined> {
  const at = await caller
    .until(() => caller.firstSoundAfter(joinedAt), ANSWER_TIMEOUT_MS, 'the greeting')
    .catch(() => undefined);
  await caller.quiet(ANSWER_TIMEOUT_MS).catch(() => undefined);
  return at === undefined ? undefined : at - joinedAt;
}

/** What the agent reported on one topic so far. */
export function messages(caller: Caller, of: string): Array<Record<string, unknown>> {
  return caller.messages.flatMap(({ topic, value }) => (topic === of ? [value] : []));
}

function numbersOf(report: Record<string, unknown>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(report).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}
