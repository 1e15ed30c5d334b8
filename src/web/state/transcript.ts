/** What one side said, or is saying. */
export interface Utterance {
  id: string;
  speaker: 'user' | 'agent';
  text: string;
  /** False while its words can still change. */
  final: boolean;
  /** Whether it was typed rather than spoken. */
  typed: boolean;
  /** ms since the epoch of its first word */
  startedAt: number;
}

/**
 * Adds what was heard of a segment: its first words open an utterance, later ones replace them in place, so that the
 * order is that in which people began to speak. Empty words change nothing but whether it is final, and a final
 * utterance stays final, whatever comes late.
 */
export function mergeUtterance(utterances: readonly Utterance[], heard: Utterance): readonly Utterance[] {
  const index = utterances.findIndex((utterance) => utterance.id === heard.id);
  const known = utterances[index];
  if (!known) return heard.text.trim() === '' ? utterances : [...utterances, heard];
  const late = known.final && !heard.final;
  const text = late || heard.text.trim() === '' ? known.text : heard.text;
  const final = known.final || heard.final;
  if (text === known.text && final === known.final) return utterances;
  return utterances.with(index, { ...known, text, final });
}
