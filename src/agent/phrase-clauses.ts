import { cutClauses } from '../providers/tts/clauses.ts';
import type { Phrases } from './prompts.ts';

/**
 * The clauses that the agent's own phrases are cut into when it says them: what the speech cache keeps, and what is
 * synthesised before the first call. Phrases with a name in them are left out.
 */
export async function phraseClauses(phrases: Phrases): Promise<Set<string>> {
  const clauses = new Set<string>();
  for (const phrase of Object.values(phrases)) {
    if (phrase.includes('{{')) continue;
    for await (const clause of cutClauses(once(phrase))) clauses.add(clause.trim());
  }
  return clauses;
}

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}
