import type { Language } from '../config/config.ts';
import type { DataTools, JsonValue } from './data-tools.ts';
import { pointerOf } from './json-pointer.ts';
import { isTimeZone, moneyText, naturalText, numberText, type ValueFormat } from './natural-values.ts';
import { plainText } from './plain-text.ts';
import { type Phrases, phrases } from './render-phrases.ts';

/** Most items of a list that are told; the rest are counted. */
export const MAX_LIST_ITEMS = 30;
/** Most characters of one text that are told. */
const MAX_TEXT_CHARS = 300;
const SHOWN_DEPTH = 6;

/** One line, and where in the data tools it comes from. */
export interface Line {
  text: string;
  path: readonly string[];
}

/** What goes along while one document is written out. */
export interface Rendering {
  say: Phrases;
  format: ValueFormat;
  /** Of the object that is being written, or of one around it: a code of ISO 4217. */
  currency?: string;
  /** How many lines may still be made of it: of more there would be no room. */
  room?: { lines: number };
  /** Told where something was left out. */
  cut: (path: readonly string[]) => void;
}

/** For one document: its language, and the time zone that `user_context` may name. */
export function rendering(dataTools: DataTools, language: Language, cut: Rendering['cut']): Rendering {
  const user = isObject(dataTools.user_context) ? dataTools.user_context : {};
  const zone = user.time_zone ?? user.timezone ?? user.zona_horaria;
  const known = typeof zone === 'string' && isTimeZone(zone);
  return { say: phrases[language], format: { language, ...(known && { timeZone: zone }) }, cut };
}

/** Any JSON as «Clave, clave: valor» lines; none for undefined. */
export function generalLines(
  name: string,
  value: JsonValue | undefined,
  path: readonly string[],
  to: Rendering,
  depth = 1,
): Line[] {
  if (value === undefined) return [];
  if (to.room !== undefined && to.room.lines <= 0) {
    to.cut(path);
    return [];
  }
  const line = (text: string): Line => {
    if (to.room !== undefined) to.room.lines -= 1;
    return { text: `${name}: ${text}`, path };
  };
  if (isScalar(value)) return [line(scalar(value, path, to))];
  if (isList(value)) return [line(items(value, path, to).join(', '))];
  if (depth >= SHOWN_DEPTH) {
    to.cut(path);
    return [];
  }
  if (Array.isArray(value)) {
    if (value.length > MAX_LIST_ITEMS) to.cut(path);
    return value
      .slice(0, MAX_LIST_ITEMS)
      .flatMap((item, index) =>
        generalLines(`${name} ${index + 1}`, item, [...path, String(index)], to, depth + 1),
      );
  }
  const entries = entriesOf(value, to);
  if (entries.shown.length === 0) return [line(to.say.none)];
  return entries.shown.flatMap(([key, child]) =>
    generalLines(
      `${name}, ${label(key, to.say).toLocaleLowerCase()}`,
      child,
      [...path, key],
      entries.to,
      depth + 1,
    ),
  );
}

/** Items side by side: scalars and flat objects. */
export function isList(value: JsonValue): value is JsonValue[] {
  return (
    Array.isArray(value) &&
    value.every((item) => isScalar(item) || (isObject(item) && Object.values(item).every(isScalar)))
  );
}

/** Each item in a few words, at most {@link MAX_LIST_ITEMS} and how many are left; «none» for an empty list. */
export function items(values: JsonValue[], path: readonly string[], to: Rendering): string[] {
  if (values.length === 0) return [to.say.none];
  const shown = values
    .slice(0, MAX_LIST_ITEMS)
    .map((value, index) => inline(value, [...path, String(index)], to));
  const left = values.length - shown.length;
  if (left > 0) to.cut(path);
  return left > 0 ? [...shown, to.say.andMore(left)] : shown;
}

/** `last_order`, `lastOrder`, `last-order` → «Last order», in the session's language where the word is a common one. */
export function label(key: string, say: Phrases): string {
  const known = say.words[key.toLowerCase()];
  if (known !== undefined) return known;
  const words = plainText(key.replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2').replace(/[_./:-]+/gu, ' '), 60);
  return words.slice(0, 1).toLocaleUpperCase() + words.slice(1).toLocaleLowerCase();
}

/** One value in words; a number under a key such as `price` is money where the currency is known. */
export function scalar(value: JsonValue, path: readonly string[], to: Rendering): string {
  if (value === null) return to.say.none;
  if (typeof value === 'boolean') return value ? to.say.yes : to.say.no;
  if (typeof value === 'number') {
    const key = path.findLast((part) => !/^\d+$/u.test(part)) ?? '';
    const money =
      to.currency !== undefined && isMoney(key) ? moneyText(value, to.currency, to.format) : undefined;
    return money ?? numberText(value, to.format);
  }
  const text = String(value);
  if (text.length > MAX_TEXT_CHARS) to.cut(path);
  const plain = naturalText(plainText(text, MAX_TEXT_CHARS), to.format);
  return plain === '' ? to.say.none : plain;
}

/** An object's entries, with its currency in the amounts instead of beside them. */
export function entriesOf(
  value: DataTools,
  to: Rendering,
): { shown: [key: string, value: JsonValue][]; to: Rendering } {
  const entries = Object.entries(value);
  const own = value.currency ?? value.moneda;
  if (typeof own !== 'string' || moneyText(0, own, to.format) === undefined) return { shown: entries, to };
  const hasAmounts = entries.some(([key, child]) => isMoney(key) && typeof child === 'number');
  return {
    shown: hasAmounts ? entries.filter(([key]) => key !== 'currency' && key !== 'moneda') : entries,
    to: { ...to, currency: own },
  };
}

/** Where something stands, as a JSON Pointer that may stand in a prompt itself; `lookUp` understands it. */
export function shownPointer(path: readonly string[]): string {
  return pointerOf(path.map((key) => plainText(key, 40).replace(/[<>|]/gu, '')));
}

export function isScalar(value: JsonValue | undefined): value is string | number | boolean | null {
  return value === null || (typeof value !== 'object' && value !== undefined);
}

export function isObject(value: JsonValue | undefined): value is DataTools {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An item of a list in a few words: «laptop (precio: 1200, cantidad: 1)». */
function inline(item: JsonValue, path: readonly string[], to: Rendering): string {
  if (isScalar(item)) return scalar(item, path, to);
  const entries: { shown: [string, JsonValue][]; to: Rendering } = Array.isArray(item)
    ? { shown: item.map((value, index) => [String(index + 1), value]), to }
    : entriesOf(item, to);
  const head = entries.shown.find(([key]) => HEAD_KEYS.has(key)) ?? entries.shown[0];
  if (head === undefined) return to.say.none;
  const tell = ([key, value]: [string, JsonValue]) => scalar(value, [...path, key], entries.to);
  const details = entries.shown
    .filter((entry) => entry !== head)
    .flatMap((entry) => {
      if (isScalar(entry[1])) return [`${label(entry[0], to.say).toLocaleLowerCase()}: ${tell(entry)}`];
      to.cut(path);
      return [];
    });
  const name = isScalar(head[1]) ? tell(head) : label(head[0], to.say);
  return details.length > 0 ? `${name} (${details.join(', ')})` : name;
}

const HEAD_KEYS: ReadonlySet<string> = new Set([
  'name',
  'title',
  'label',
  'nombre',
  'titulo',
  'título',
  'product',
]);

/** Keys of sums, alone or at the end: `unit_price`, `totalAmount`. */
function isMoney(key: string): boolean {
  return /(?:^|[_-])(?:total|subtotal|price|amount|balance|cost|fee|tax|importe|precio|saldo|coste|costo|monto)$/u.test(
    key.replace(/(\p{Ll})(\p{Lu})/gu, '$1_$2').toLowerCase(),
  );
}
