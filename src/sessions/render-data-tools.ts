import type { Language } from '../config/config.ts';
import type { DataTools, JsonValue } from './data-tools.ts';
import { estimateTokens, withinTokens } from './estimate-tokens.ts';
import { plainText } from './plain-text.ts';
import {
  entriesOf,
  generalLines,
  isList,
  isObject,
  isScalar,
  items,
  type Line,
  label,
  type Rendering,
  rendering,
  scalar,
  shownPointer,
} from './render-values.ts';

/** Most places that are named as having more. */
const MAX_PLACES = 12;
const MAX_PLACES_TOKENS = 120;
/** Tokens of a line that says something. */
const SHORTEST_LINE = 4;
/** A line of this many may be told in part. */
const LONG_LINE = 120;

/** Data tools as a model is given them. */
export interface RenderedData {
  /** Lines joined by `\n`; empty when there is no data. Where something is left out, the last line says so. */
  text: string;
  /** Whether something is left out, which `lookUp` finds. */
  isCut: boolean;
}

/**
 * Data tools as short plain lines in the session's language, for the prompt of a small model: raw JSON is what such
 * models misread. Well-known keys (`user_context`, `app_data`, `tour_data`, `cart_data`) get sentences, everything else
 * «Clave, clave: valor». Every value goes through {@link plainText}; dates and sums are as people write them. The order is
 * that of the data, well-known keys first.
 *
 * @param options.maxTokens - whole lines are left out until the rest fits, of each top-level key the last ones first, so
 *   that a long one does not take the others' place
 */
export function renderDataTools(
  dataTools: DataTools,
  language: Language,
  { maxTokens }: { maxTokens: number },
): RenderedData {
  const left = new Set<string>();
  const cut = (path: readonly string[]) => left.add(JSON.stringify(path.slice(0, 2)));
  const to = rendering(dataTools, language, cut);
  const sections = sectionsOf(dataTools, to, maxTokens).filter((lines) => lines.length > 0);
  const all = sections.flat();
  const cost = (text: string) => estimateTokens(`${text}\n`, language);
  const whole = all.reduce((sum, { text }) => sum + cost(text), 0);
  if (whole <= maxTokens && left.size === 0)
    return { text: textOf(all.map(({ text }) => text)), isCut: false };
  const placesRoom = Math.min(MAX_PLACES_TOKENS, Math.floor(maxTokens / 4));
  const told = fairShare(sections, maxTokens - placesRoom - cost(to.say.more('')), language);
  for (const line of all) if (told.get(line) !== line.text) cut(line.path);
  const more = to.say.more(placesOf(left, placesRoom, cost).join(', '));
  const lines = all.map((line) => told.get(line)).filter((text) => text !== undefined);
  return { text: textOf([...lines, more]), isCut: true };
}

/** The lines of each top-level key; not more than a prompt of so many tokens could ever have. */
function sectionsOf(dataTools: DataTools, to: Rendering, maxTokens: number): Line[][] {
  const { user_context, app_data, cart_data, cart, tour_data, ...others } = dataTools;
  const user = isObject(user_context) ? user_context : {};
  const { say } = to;
  const keys = Object.entries(others);
  const most = Math.max(1, Math.floor(maxTokens / SHORTEST_LINE));
  for (const [key] of keys.slice(most)) to.cut([key]);
  const lines = Math.max(8, Math.floor((2 * maxTokens) / (Math.min(keys.length, most) + 4)));
  /** One section has its own room for lines. */
  const own = (): Rendering => ({ ...to, room: { lines } });
  const inCart = own();
  return [
    isObject(user_context)
      ? userLines(user, own())
      : generalLines(say.user, user_context, ['user_context'], own()),
    [
      ...cartLines(user.cart, cart_data ?? cart, cart_data === undefined ? 'cart' : 'cart_data', inCart),
      ...(cart_data !== undefined && cart !== undefined
        ? generalLines(say.cart, cart, ['cart'], inCart)
        : []),
    ],
    appLines(app_data, own()),
    tourLines(tour_data, own()),
    ...keys.slice(0, most).map(([key, value]) => generalLines(ownLabel(key, to), value, [key], own())),
  ];
}

function userLines(user: DataTools, to: Rendering): Line[] {
  const { say } = to;
  const { cart: _shownWithTheCart, name, role, preferences, ...others } = user;
  const parts: string[] = [];
  const lines: Line[] = [];
  const at = (key: string) => ['user_context', key];
  const general = (key: string, value: JsonValue | undefined) =>
    generalLines(`${say.user}, ${label(key, say)}`, value, at(key), to);
  const tell = (key: string, value: JsonValue | undefined, sentence: (items: string[]) => string) => {
    if (isScalar(value)) parts.push(sentence([scalar(value, at(key), to)]));
    else if (value !== undefined && isList(value)) parts.push(sentence(items(value, at(key), to)));
    else lines.push(...general(key, value));
  };
  tell('name', name, ([text = say.none]) => say.named(text));
  tell('role', role, ([text = say.none]) => say.role(text));
  tell('preferences', preferences, say.preferences);
  return [
    ...(parts.length > 0 ? [{ text: say.context(parts), path: ['user_context'] }] : []),
    ...lines,
    ...Object.entries(others).flatMap(([key, value]) =>
      key === 'tickets' && Array.isArray(value) && isList(value)
        ? [
            {
              text: say.tickets(value.length, value.length === 0 ? [] : items(value, at(key), to)),
              path: at(key),
            },
          ]
        : general(key, value),
    ),
  ];
}

function appLines(app: JsonValue | undefined, to: Rendering): Line[] {
  const { say } = to;
  if (!isObject(app)) return generalLines(say.app, app, ['app_data'], to);
  return Object.entries(app).flatMap(([key, value]) => {
    const path = ['app_data', key];
    if (key === 'version' && isScalar(value)) {
      return [{ text: say.appVersion(plainText(String(value ?? say.none))), path }];
    }
    if (key === 'features' && isList(value)) return [{ text: say.appFeatures(items(value, path, to)), path }];
    if (key === 'issues' && isList(value)) return [{ text: say.appIssues(items(value, path, to)), path }];
    return generalLines(`${say.app}, ${label(key, say)}`, value, path, to);
  });
}

/** The cart may stand in `user_context.cart` (what is in it), in `cart_data` (how many, how much, what), or in both. */
function cartLines(
  inUser: JsonValue | undefined,
  data: JsonValue | undefined,
  key: string,
  outer: Rendering,
): Line[] {
  const { say } = outer;
  const userPath = ['user_context', 'cart'];
  const cart = isObject(data) ? data : Array.isArray(data) ? { items: data } : {};
  const { shown, to } = entriesOf(cart, outer);
  const { items: listed, total, ...others } = Object.fromEntries(shown);
  const inCart = Array.isArray(listed) ? listed : Array.isArray(inUser) ? inUser : undefined;
  const count = typeof listed === 'number' ? listed : inCart?.length;
  const lines: Line[] = [];
  // Money that is no currency of the world: «300 puntos».
  const { currency, ...rest } = others;
  const unit = isScalar(currency) && isScalar(total) ? ` ${scalar(currency, [key, 'currency'], to)}` : '';
  if (count !== undefined) {
    const path = Array.isArray(listed) ? [key, 'items'] : Array.isArray(inUser) ? userPath : [key];
    const what = inCart === undefined || inCart.length === 0 ? [] : items(inCart, path, to);
    const sum = isScalar(total) ? ` ${say.total(`${scalar(total, [key, 'total'], to)}${unit}`)}` : '';
    lines.push({ text: `${say.inCart(count, what)}${sum}`, path });
  } else {
    lines.push(...generalLines(`${say.cart}, ${say.totalWord}`, total, [key, 'total'], to));
  }
  if (Array.isArray(listed) && inUser !== undefined) {
    lines.push(...generalLines(`${say.user}, ${say.cart}`, inUser, userPath, to));
  } else if (!Array.isArray(inUser)) lines.push(...generalLines(say.cart, inUser, userPath, to));
  if (!isObject(data) && !Array.isArray(data)) lines.push(...generalLines(say.cart, data, [key], to));
  if (listed !== undefined && count === undefined) {
    lines.push(...generalLines(say.cart, listed, [key, 'items'], to));
  }
  return [
    ...lines,
    ...Object.entries(unit === '' ? others : rest).flatMap(([name, value]) =>
      generalLines(`${say.cart}, ${label(name, say)}`, value, [key, name], to),
    ),
  ];
}

/** Completed and missing steps are two lists: «¿Qué falta?» is then answered by reading one line aloud. */
function tourLines(tour: JsonValue | undefined, to: Rendering): Line[] {
  const { say } = to;
  if (!isObject(tour) || !Array.isArray(tour.steps)) {
    return generalLines(say.tour, tour, ['tour_data'], to);
  }
  const { steps, ...others } = tour;
  const titled = steps.map((step) =>
    isObject(step)
      ? { title: step.title ?? step.name ?? step.element ?? null, completed: step.completed === true }
      : { title: step, completed: false },
  );
  const done = titled.filter((step) => step.completed).map((step) => step.title);
  const open = titled.filter((step) => !step.completed).map((step) => step.title);
  const path = ['tour_data', 'steps'];
  return [
    { text: say.stepsDone(items(done, path, to)), path },
    { text: say.stepsMissing(open.length, open.length === 0 ? [] : items(open, path, to)), path },
    ...Object.entries(others).flatMap(([key, value]) =>
      generalLines(`${say.tour}, ${label(key, say)}`, value, ['tour_data', key], to),
    ),
  ];
}

/** What begins a line must not read as the beginning of somebody's turn: «System: …». */
function ownLabel(key: string, { say }: Rendering): string {
  const text = label(key, say);
  return ROLES.test(text) ? `${say.datum} ${text.toLocaleLowerCase()}` : text;
}

const ROLES =
  /^(?:system|user|assistant|human|model|developer|tool|function|instructions?|response|sistema|usuario|asistente|humano|modelo|herramienta|instrucci[oó]n(?:es)?|respuesta)(?!\p{L})/iu;

/**
 * A line of each section in turn, as long as they fit; one that would take the others' place is told as far as it may go.
 *
 * @returns what is told of each line that is
 */
function fairShare(sections: Line[][], maxTokens: number, language: Language): Map<Line, string> {
  const told = new Map<Line, string>();
  let room = maxTokens;
  const open = new Set(sections.map((lines) => lines.values()));
  while (open.size > 0) {
    for (const section of open) {
      const { value: line, done } = section.next();
      const limit = Math.min(room, Math.max(LONG_LINE, Math.floor(room / open.size)));
      if (done === true || limit < SHORTEST_LINE) {
        open.delete(section);
        continue;
      }
      const text = withinTokens(line.text, limit - 1, language);
      const price = estimateTokens(`${text}\n`, language);
      // Of what is short there is nothing to leave out.
      if (price > room || (text !== line.text && limit < LONG_LINE)) open.delete(section);
      else {
        told.set(line, text);
        room -= price;
      }
    }
  }
  return told;
}

/** Where there is more, as JSON Pointers; the top-level keys alone where those would be too many. */
function placesOf(left: ReadonlySet<string>, maxTokens: number, cost: (text: string) => number): string[] {
  const paths = [...left].map((path) => JSON.parse(path) as string[]);
  const pointers = (depth: number) => [...new Set(paths.map((path) => shownPointer(path.slice(0, depth))))];
  const deep = pointers(2);
  const places = deep.length <= MAX_PLACES ? deep : pointers(1);
  const shown: string[] = [];
  let room = maxTokens - cost('…');
  for (const place of places) {
    room -= cost(`${place},`);
    if (shown.length >= MAX_PLACES || room < 0) return [...shown, '…'];
    shown.push(place);
  }
  return shown;
}

function textOf(lines: readonly string[]): string {
  return lines.join('\n');
}
