import { type ClauseOptions, cutClauses } from '../providers/tts/clauses.ts';
import type { Keeping } from '../providers/tts/speech-cache.ts';
import type { Phrases } from './prompts.ts';

export interface PhraseClauses {
  /** As the agent says them, without those that hold a name. */
  clauses: Set<string>;
  /** For the speech cache: the agent's own clauses, and a greeting by name once it was spoken. */
  keep: (clause: string) => Keeping | undefined;
}

/** Stands for a name while phrases are cut: as long as a short one, and no letter of any text. */
const SOMEBODY = '\u{e000}\u{e000}\u{e000}';

/**
 * The clauses that the agent's own phrases are cut into when it says them: what the speech cache keeps, and what is
 * synthesised before the first call. A clause with a name is kept as well, once it was said to somebody.
 *
 * @param options - how the voice cuts its text
 */
export async function phraseClauses(phrases: Phrases, options: ClauseOptions = {}): Promise<PhraseClauses> {
  const clauses = new Set<string>();
  const named: RegExp[] = [];
  for (const phrase of Object.values(phrases)) {
    for await (const clause of cutClauses(once(phrase.replaceAll('{{name}}', SOMEBODY)), options)) {
      if (clause.includes(SOMEBODY)) named.push(withAnyName(clause.trim()));
      else clauses.add(clause.trim());
    }
  }
  const keep = (clause: string): Keeping | undefined => {
    if (clauses.has(clause)) return 'phrase';
    return named.some((pattern) => pattern.test(clause)) ? 'learned' : undefined;
  };
  return { clauses, keep };
}

function withAnyName(clause: string): RegExp {
  const parts = clause.split(SOMEBODY).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join(String.raw`\S{1,40}`)}$`, 'u');
}

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}
