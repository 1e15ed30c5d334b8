import { setTimeout as sleep } from 'node:timers/promises';
import { CALLER_SAMPLE_RATE, type Caller } from '../../test/support/caller.ts';
import { type AgentState, committedWithin } from './agent-states.ts';
import { lastSoundBeforeSilence, longestSilence } from './last-sound.ts';

const ANSWER_TIMEOUT_MS = 30_000;
/** An agent that talks on for this long was not interrupted. */
const STOP_TIMEOUT_MS = 10_000;
/** The agent was speaking at that moment: its sound was there this shortly before. */
const SPEAKING_MS = 400;
/** By then, from the end of what was said over it, an agent has ended its turn or goes on: stock resumes after 2 s. */
const DECIDED_MS = 4_000;
/** Who was silent for this long at that moment does not go on. */
const SILENT_MS = 1_500;
/** Shorter gaps are between two words of the agent's. */
const LEAST_GAP_MS = 150;

/** What the agent did when something was heard over it. */
export type Over =
  /** Its turn was over. `stopMs`: first sound over it → its last sound. */
  | { outcome: 'ended'; stopMs: number }
  /** It went quiet and did not go on, and took no turn of the caller's either. */
  | { outcome: 'fell silent' }
  /** It went on, after a gap unless it never paused. `goneAt`, `backAt`: where the gap was, ms of `performance.now()`. */
  | { outcome: 'went on'; gap?: { goneAt: number; backAt: number } }
  /** The agent paused, or had ended, when the sound began. */
  | { outcome: 'nothing to interrupt' };

export interface SpeakOverOptions {
  /** The agent's sound is awaited from here on, ms of `performance.now()`. */
  since: number;
  /** The sound begins this long after the agent's first one. */
  intoMs: number;
  /** Silence that is taken for a stop, longer than the pauses of the agent's voice, ms. */
  stopSilenceMs: number;
}

/** Lets something be heard over what the agent says, and watches what it does. */
export async function speakOver(
  caller: Caller,
  states: readonly AgentState[],
  sound: Int16Array,
  { since, intoMs, stopSilenceMs }: SpeakOverOptions,
): Promise<Over> {
  const began = await caller
    .until(() => caller.firstSoundAfter(since), ANSWER_TIMEOUT_MS, 'something to interrupt')
    .catch(() => undefined);
  if (began === undefined) return { outcome: 'nothing to interrupt' };
  await sleep(Math.max(0, began + intoMs - performance.now()));
  const endedAt = await caller.say(sound);
  // The microphone plays without a gap, so the sound began as long ago as it lasts.
  const startedAt = endedAt - (sound.length / CALLER_SAMPLE_RATE) * 1000;
  const before = caller.firstSoundAfter(startedAt - SPEAKING_MS);
  if (before === undefined || before > startedAt) return { outcome: 'nothing to interrupt' };

  const committed = () => committedWithin(states, startedAt, performance.now());
  const decidedBy = endedAt + DECIDED_MS - performance.now();
  if (await caller.until(committed, decidedBy, 'a new turn').catch(() => false)) {
    const last = await caller
      .until(
        () => lastSoundBeforeSilence(caller, startedAt, performance.now(), stopSilenceMs),
        STOP_TIMEOUT_MS,
        'the agent to stop',
      )
      .catch(() => undefined);
    return last === undefined ? { outcome: 'went on' } : { outcome: 'ended', stopMs: last - startedAt };
  }
  const now = performance.now();
  if (now - (caller.lastSound() ?? 0) > SILENT_MS) return { outcome: 'fell silent' };
  const { at, ms } = longestSilence(caller, startedAt, now);
  return ms < LEAST_GAP_MS
    ? { outcome: 'went on' }
    : { outcome: 'went on', gap: { goneAt: at, backAt: at + ms } };
}
