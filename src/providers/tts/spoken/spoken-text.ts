import type { Language } from '../../../config/config.ts';
import { spokenAbbreviations } from './abbreviations.ts';
import { spokenAddresses } from './addresses.ts';
import { spokenDates } from './dates.ts';
import { spokenDigitStrings } from './digit-strings.ts';
import { withoutMarkup } from './markup.ts';
import { spokenMoney } from './money.ts';
import { spokenOrdinals } from './ordinals.ts';
import { spokenNumbers } from './plain-numbers.ts';
import { spokenOperators, spokenSymbols } from './symbols.ts';
import { spokenTimes } from './times.ts';
import { spokenUnits } from './units.ts';

/**
 * A text as a person would read it aloud: numbers, money, dates, times, telephone numbers, abbreviations, addresses and
 * signs in words; Markdown and emoji taken out. Words stay as they are, and so does a text that has been through it.
 * Each rule sees what those before it left, so the more particular come first.
 *
 * @param text - a whole text, or a clause as `cutClauses` cuts it
 */
export function spokenText(text: string, language: Language): string {
  let spoken = withoutMarkup(text);
  for (const rule of RULES) spoken = rule(spoken, language);
  return tidied(spoken);
}

const RULES = [
  spokenOperators,
  spokenAddresses,
  spokenDates,
  spokenTimes,
  spokenAbbreviations,
  spokenMoney,
  spokenUnits,
  spokenOrdinals,
  spokenDigitStrings,
  spokenNumbers,
  spokenSymbols,
];

/** Spaces and marks as one writes them, after words came and went. */
function tidied(text: string): string {
  return text
    .replace(/[^\S\n]+/gu, ' ')
    .replace(/ ?\n\s*/g, '\n')
    .replace(/ (?=[,.;:!?…)»”])/g, '')
    .replace(/(?<=[¿¡(«“]) /g, '')
    .replace(/,(?:\s*,)+/g, ',')
    .replace(/\(\s*\)/g, '')
    .trim();
}
