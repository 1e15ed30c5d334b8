import type { Language } from '../config/config.ts';
import type { DataTools, JsonValue } from './data-tools.ts';
import { plainText } from './plain-text.ts';
import { type Phrases, phrases } from './render-phrases.ts';

/** Characters that data tools may take in the prompt: about 900 tokens, 0.5 s of reading for the small local model. */
const DEFAULT_MAX_CHARS = 3_000;
const MAX_LIST_ITEMS = 30;
const SHOWN_DEPTH = 6;

/**
 * Data tools as short plain lines in the session's language, for the prompt of a small model: raw JSON is what such
 * models misread. Well-known keys (`user_context`, `app_data`, `tour_data`, `cart_data`) get sentences, everything else
 * «Clave, clave: valor». Every value goes through {@link plainText}. The order is that of the data, well-known keys
 * first.
 *
 * @param options.maxChars - whole lines are dropped from the end until the rest fits; a last line says so
 * @returns lines joined by `\n`; empty when there is no data
 */
export function renderDataTools(
  dataTools: DataTools,
  language: Language,
  { maxChars = DEFAULT_MAX_CHARS }: { maxChars?: number } = {},
): string {
  const say = phrases[language];
  const { user_context, app_data, cart_data, cart, tour_data, ...others } = dataTools;
  const user = isObject(user_context) ? user_context : {};
  const lines = [
    ...userLines(user, say),
    ...(isObject(user_context) ? [] : generalLines(say.user, user_context, say)),
    ...cartLines(user.cart, cart_data ?? cart, say),
    ...(cart_data !== undefined && cart !== undefined ? generalLines(say.cart, cart, say) : []),
    ...appLines(app_data, say),
    ...tourLines(tour_data, say),
    ...Object.entries(others).flatMap(([key, value]) => generalLines(label(key, say), value, say)),
  ];
  return withinBudget(lines, maxChars, say.more);
}

function userLines(user: DataTools, say: Phrases): string[] {
  const { cart: _shownWithTheCart, name, role, preferences, ...others } = user;
  const parts: string[] = [];
  const lines: string[] = [];
  const tell = (key: string, value: JsonValue | undefined, sentence: (items: string[]) => string) => {
    if (isScalar(value)) parts.push(sentence([scalar(value, say)]));
    else if (value !== undefined && isList(value)) parts.push(sentence(items(value, say)));
    else lines.push(...generalLines(`${say.user}, ${label(key, say)}`, value, say));
  };
  tell('name', name, ([text = say.none]) => say.named(text));
  tell('role', role, ([text = say.none]) => say.role(text));
  tell('preferences', preferences, say.preferences);
  return [
    ...(parts.length > 0 ? [say.context(parts)] : []),
    ...lines,
    ...Object.entries(others).flatMap(([key, value]) =>
      key === 'tickets' && Array.isArray(value) && isList(value)
        ? [say.tickets(value.length === 0 ? [] : items(value, say))]
        : generalLines(`${say.user}, ${label(key, say)}`, value, say),
    ),
  ];
}

function appLines(app: JsonValue | undefined, say: Phrases): string[] {
  if (!isObject(app)) return generalLines(say.app, app, say);
  return Object.entries(app).flatMap(([key, value]) => {
    if (key === 'version' && isScalar(value)) return [say.appVersion(scalar(value, say))];
    if (key === 'features' && isList(value)) return [say.appFeatures(items(value, say))];
    if (key === 'issues' && isList(value)) return [say.appIssues(items(value, say))];
    return generalLines(`${say.app}, ${label(key, say)}`, value, say);
  });
}

/** The cart may stand in `user_context.cart` (what is in it), in `cart_data` (how many, how much, what), or in both. */
function cartLines(inUser: JsonValue | undefined, data: JsonValue | undefined, say: Phrases): string[] {
  const cart = isObject(data) ? data : Array.isArray(data) ? { items: data } : {};
  const { items: listed, total, currency, ...others } = cart;
  const inCart = Array.isArray(listed) ? listed : Array.isArray(inUser) ? inUser : undefined;
  const count = typeof listed === 'number' ? listed : inCart?.length;
  const lines: string[] = [];
  if (count !== undefined) {
    const what = inCart === undefined || inCart.length === 0 ? [] : items(inCart, say);
    const amount = [total, currency].filter(isScalar).map((value) => scalar(value, say));
    lines.push(`${say.inCart(count, what)}${isScalar(total) ? ` ${say.total(amount.join(' '))}` : ''}`);
  } else {
    lines.push(...generalLines(`${say.cart}, ${say.totalWord}`, total, say));
  }
  if (Array.isArray(listed) && inUser !== undefined)
    lines.push(...generalLines(`${say.user}, ${say.cart}`, inUser, say));
  else if (!Array.isArray(inUser)) lines.push(...generalLines(say.cart, inUser, say));
  if (!isObject(data) && !Array.isArray(data)) lines.push(...generalLines(say.cart, data, say));
  if (listed !== undefined && count === undefined) lines.push(...generalLines(say.cart, listed, say));
  return [
    ...lines,
    ...Object.entries(others).flatMap(([key, value]) =>
      generalLines(`${say.cart}, ${label(key, say)}`, value, say),
    ),
  ];
}

/** Completed and missing steps are two lists: «¿Qué falta?» is then answered by reading one line aloud. */
function tourLines(tour: JsonValue | undefined, say: Phrases): string[] {
  if (!isObject(tour) || !Array.isArray(tour.steps)) return generalLines(say.tour, tour, say);
  const { steps, ...others } = tour;
  const titled = steps.map((step) =>
    isObject(step)
      ? { title: step.title ?? step.name ?? step.element ?? null, completed: step.completed === true }
      : { title: step, completed: false },
  );
  const done = titled.filter((step) => step.completed).map((step) => step.title);
  const open = titled.filter((step) => !step.completed).map((step) => step.title);
  return [
    say.stepsDone(items(done, say)),
    say.stepsMissing(open.length === 0 ? [] : items(open, say)),
    ...Object.entries(others).flatMap(([key, value]) =>
      generalLines(`${say.tour}, ${label(key, say)}`, value, say),
    ),
  ];
}

/** Any JSON as «Clave, clave: valor» lines. */
function generalLines(name: string, value: JsonValue | undefined, say: Phrases, depth = 1): string[] {
  if (value === undefined) return [];
  if (isScalar(value)) return [`${name}: ${scalar(value, say)}`];
  if (isList(value)) return [`${name}: ${list(value, say)}`];
  if (depth >= SHOWN_DEPTH) return [];
  if (Array.isArray(value)) {
    return value
      .slice(0, MAX_LIST_ITEMS)
      .flatMap((item, index) => generalLines(`${name} ${index + 1}`, item, say, depth + 1));
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return [`${name}: ${say.none}`];
  return entries.flatMap(([key, child]) =>
    generalLines(`${name}, ${label(key, say).toLocaleLowerCase()}`, child, say, depth + 1),
  );
}

/** Items side by side: scalars and flat objects. */
function isList(value: JsonValue): value is JsonValue[] {
  return (
    Array.isArray(value) &&
    value.every((item) => isScalar(item) || (isObject(item) && Object.values(item).every(isScalar)))
  );
}

function list(values: JsonValue[], say: Phrases): string {
  return items(values, say).join(', ');
}

/** Each item in a few words, at most {@link MAX_LIST_ITEMS} and how many are left; «none» for an empty list. */
function items(values: JsonValue[], say: Phrases): string[] {
  if (values.length === 0) return [say.none];
  const shown = values.slice(0, MAX_LIST_ITEMS).map((value) => inline(value, say));
  const left = values.length - shown.length;
  return left > 0 ? [...shown, say.andMore(left)] : shown;
}

/** An item of a list in a few words: «laptop (precio: 1200, cantidad: 1)». */
function inline(item: JsonValue, say: Phrases): string {
  if (isScalar(item)) return scalar(item, say);
  const entries: Array<[string, JsonValue]> = Array.isArray(item)
    ? item.map((value, index) => [String(index + 1), value])
    : Object.entries(item);
  const head = entries.find(([key]) => HEAD_KEYS.has(key)) ?? entries[0];
  if (head === undefined) return say.none;
  const details = entries
    .filter((entry) => entry !== head && isScalar(entry[1]))
    .map(([key, value]) => `${label(key, say).toLocaleLowerCase()}: ${scalar(value, say)}`);
  const name = isScalar(head[1]) ? scalar(head[1], say) : label(head[0], say);
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

/** `last_order`, `lastOrder`, `last-order` → «Last order», in the session's language where the word is a common one. */
function label(key: string, say: Phrases): string {
  const known = say.words[key.toLowerCase()];
  if (known !== undefined) return known;
  const words = plainText(key.replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2').replace(/[_./:-]+/gu, ' '), 60);
  return words.slice(0, 1).toLocaleUpperCase() + words.slice(1).toLocaleLowerCase();
}

function scalar(value: JsonValue, say: Phrases): string {
  if (value === null) return say.none;
  if (typeof value === 'boolean') return value ? say.yes : say.no;
  const text = plainText(String(value));
  return text === '' ? say.none : text;
}

function isScalar(value: JsonValue | undefined): value is string | number | boolean | null {
  return value === null || (typeof value !== 'object' && value !== undefined);
}

function isObject(value: JsonValue | undefined): value is DataTools {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withinBudget(lines: string[], maxChars: number, more: string): string {
  const whole = lines.join('\n');
  if (whole.length <= maxChars) return whole;
  const kept: string[] = [];
  let room = maxChars - more.length;
  for (const line of lines) {
    room -= line.length + 1;
    if (room < 0) break;
    kept.push(line);
  }
  return [...kept, more].join('\n').slice(0, maxChars);
}
