import type { Language } from '../../../config/config.ts';
import { endsSentence } from './abbreviations.ts';
import { cardinal } from './numbers.ts';
import { spanishCardinal } from './spanish-numbers.ts';

const HALF = String.raw`(?<half>[ap]\.? ?m(?:\.|(?![\p{L}])))`;
const EDGE = String.raw`(?<![\p{L}\p{N}]|\p{N}[.,:/])`;
const CLOCK = new RegExp(
  String.raw`${EDGE}(?<clock>(?:[01]?\d|2[0-4])(?::|(?<french>h))[0-5]\d(?::[0-5]\d)?)(?:\s?${HALF})?(?<hours>\s?(?:h|hs|hrs|horas)(?![\p{L}]))?(?![\p{L}\p{N}]|:\d)`,
  'giu',
);
const DOTTED = new RegExp(
  String.raw`${EDGE}(?<clock>(?:[01]?\d|2[0-4])\.[0-5]\d)\s?(?:${HALF}|(?<hours>(?:h|hs|hrs|horas)(?![\p{L}])))`,
  'giu',
);
const HOUR = new RegExp(String.raw`${EDGE}(?<clock>1[0-2]|0?[1-9])\s?${HALF}`, 'giu');

/** Clock times as they are read aloud: «nueve y media», “nine oh five A M”. */
export function spokenTimes(text: string, language: Language): string {
  const replacer = (whole: string, ...rest: unknown[]) => {
    const groups = rest.at(-1) as Record<'clock' | 'half' | 'hours', string | undefined>;
    const source = rest.at(-2) as string;
    const at = rest.at(-3) as number;
    const half = groups.half === undefined ? undefined : groups.half[0]?.toLowerCase() === 'a' ? 'am' : 'pm';
    const time = spokenTime(
      (groups.clock ?? '').replace(/[.h]/i, ':'),
      language,
      half,
      groups.hours !== undefined,
    );
    return whole.endsWith('.') && endsSentence(source.slice(at + whole.length)) ? `${time}.` : time;
  };
  return text.replace(CLOCK, replacer).replace(DOTTED, replacer).replace(HOUR, replacer);
}

/**
 * One time in words.
 *
 * @param clock - `14:30`, `9:05`, `14:30:15`, `9`
 * @param half - of the day, where it is said
 * @param hours - whether the word «horas» stands behind it
 */
export function spokenTime(clock: string, language: Language, half?: 'am' | 'pm', hours = false): string {
  const [hour = 0, minute = 0, second = 0] = clock.split(':').map(Number);
  return language === 'es'
    ? spanish(hour, minute, second, half, hours)
    : english(hour, minute, second, half, hours);
}

function spanish(hour: number, minute: number, second: number, half: string | undefined, hours: boolean) {
  const feminine = (value: number) =>
    spanishCardinal(BigInt(value), { gender: 'feminine', beforeNoun: false });
  const words = [feminine(hour)];
  const spoken = hour >= 1 && hour <= 12 && !hours && second === 0;
  if (minute > 0) {
    const quarter = { 15: 'cuarto', 30: 'media' }[minute];
    if (spoken && (quarter !== undefined || minute < 30))
      words.push('y', quarter ?? spanishCardinal(BigInt(minute)));
    else
      words.push(minute < 10 ? `cero ${spanishCardinal(BigInt(minute))}` : spanishCardinal(BigInt(minute)));
  }
  if (second > 0)
    words.push(
      'con',
      spanishCardinal(BigInt(second), { gender: 'masculine', beforeNoun: true }),
      second === 1 ? 'segundo' : 'segundos',
    );
  if (hours) words.push(hour === 1 && minute === 0 ? 'hora' : 'horas');
  if (half !== undefined) words.push(partOfDay(hour, half));
  return words.join(' ');
}

function partOfDay(hour: number, half: string): string {
  if (half === 'am') return hour === 12 ? 'de la noche' : hour < 6 ? 'de la madrugada' : 'de la mañana';
  return hour === 12 ? 'del mediodía' : hour < 8 || hour > 12 ? 'de la tarde' : 'de la noche';
}

function english(hour: number, minute: number, second: number, half: string | undefined, hours: boolean) {
  const number = (value: number) => cardinal(BigInt(value), 'en');
  const words = [number(hour)];
  if (minute > 0) words.push(minute < 10 ? `oh ${number(minute)}` : number(minute));
  else if (second === 0 && half === undefined && !hours)
    words.push(hour >= 1 && hour <= 12 ? "o'clock" : 'hundred');
  if (second > 0) words.push('and', number(second), second === 1 ? 'second' : 'seconds');
  if (hours) words.push(hour === 1 && minute === 0 ? 'hour' : 'hours');
  if (half !== undefined) words.push(half === 'am' ? 'A M' : 'P M');
  return words.join(' ');
}
