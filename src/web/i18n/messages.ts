import type { es } from './es.ts';

/** What a language file has to hold: the same keys as Spanish. */
export type Messages = typeof es;

export type Language = 'es' | 'en';

/**
 * Fills the `{…}` of a sentence.
 *
 * @param template - such as `Turn {turn}`; a name without a field stays as it is
 */
export function format(template: string, fields: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(fields[name] ?? whole));
}
