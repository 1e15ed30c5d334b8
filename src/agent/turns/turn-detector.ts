import { inference } from '@livekit/agents';
import type { Language } from '../../config/config.ts';
import { type TurnShape, turnShape } from './turn-shape.ts';

/**
 * Probabilities under these keep the agent waiting for the caller to go on. On complete Spanish questions the audio model
 * alone ran into the longest wait in 15 of 34 turns, so words that are complete or open decide by themselves, and the
 * model (its own threshold for Spanish is 0.35) decides between them.
 */
const THRESHOLDS: Record<TurnShape, number> = { complete: 0, unsure: 0.35, open: 1.01 };

/**
 * End of turn from the sound and the words together: LiveKit's local audio model, whose threshold follows the shape of
 * the transcript.
 */
export class TurnDetector extends inference.TurnDetector {
  readonly #language: Language;

  constructor(language: Language) {
    // Left open, the framework takes LiveKit Cloud's model under `LIVEKIT_DEV_MODE`.
    super({ version: 'v1-mini' });
    this.#language = language;
  }

  /** Tells what was said so far; counts for the next decision. */
  heard(transcript: string): void {
    this.updateOptions({ unlikelyThreshold: THRESHOLDS[turnShape(transcript, this.#language)] });
  }

  /** The framework warns of any threshold but its own, each time that it changes. */
  protected override _warnThresholdOverride(): void {}
}
