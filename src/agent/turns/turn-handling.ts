import type { voice } from '@livekit/agents';
import type { TurnDetector } from './turn-detector.ts';
import { SHORTEST_WAIT_MS } from './turn-wait.ts';

/** Who speaks for longer than this without being answered is asked to let the agent answer. */
const LONGEST_TURN_MS = 60_000;

/** How the framework is to take turns: what it knows less of than we do is left to our own parts. */
export function turnHandling(options: {
  detector: TurnDetector;
  /** Whether the model is asked before it is certain that the turn is over. */
  preemptive: boolean;
  /** Whether somebody who speaks on and on is interrupted. */
  turnLimit: boolean;
}): NonNullable<voice.AgentSessionOptions['turnHandling']> {
  const { detector, preemptive, turnLimit } = options;
  return {
    turnDetection: detector,
    // The detector waits by itself.
    endpointing: { mode: 'fixed', minDelay: SHORTEST_WAIT_MS, maxDelay: SHORTEST_WAIT_MS },
    ...(turnLimit && { userTurnLimit: { maxDuration: LONGEST_TURN_MS } }),
    interruption: {
      mode: 'vad',
      // Words are known only after a transcription: sound stops first, and goes on when there were none.
      minWords: 0,
      minDuration: 120,
      // From the end of the caller's speech: longer than a transcription takes, or the agent talks on over them.
      falseInterruptionTimeout: 1_200,
      resumeFalseInterruption: true,
    },
    preemptiveGeneration: { enabled: preemptive, preemptiveTts: preemptive },
  };
}
