import type { Language } from '../config/config.ts';
import { folded, nameOf, resolvePath, valueAt } from './data-path.ts';
import type { DataTools, JsonValue } from './data-tools.ts';
import { estimateTokens, withinTokens } from './estimate-tokens.ts';
import { pointerOf } from './json-pointer.ts';
import { plainText } from './plain-text.ts';
import { remembered } from './remember.ts';
import {
  generalLines,
  isList,
  isObject,
  isScalar,
  items,
  MAX_LIST_ITEMS,
  type Rendering,
  rendering,
  shownPointer,
} from './render-values.ts';

/** Tokens of one answer: a small model reads them in a quarter of a second. */
const LOOK_UP_TOKENS = 400;
const RECALL_TOKENS = 200;
/** A word that is found in more places names none of them. */
const MAX_RECALLED = 3;
const MAX_RECALLED_WORDS = 5;
/** Most places that a search by words tells. */
const MAX_FOUND = 8;
/** Most words that are looked for one by one, where nothing has all of them. */
const MAX_SINGLE_WORDS = 3;
/** Most nodes that a search by words looks at. */
const MAX_VISITED = 50_000;

/**
 * The part of the data tools that a model asks for, as lines like those of {@link renderDataTools}. Small models ask
 * badly: a JSON Pointer (`/orders/3/items`), a path with dots or brackets (`orders[3].items`), the words that the data were
 * told with («Pedidos»), or words that stand in the data («pedido 1234») all do, in any case, with or without accents.
 *
 * @param asked - what the model wrote
 * @returns lines joined by `\n`, of which the last says where to go on where there is more than an answer holds; or a
 *   sentence that says that there is nothing, and what there is
 */
export function lookUp(dataTools: DataTools, asked: string, language: Language): string {
  const to = rendering(dataTools, language, () => undefined);
  const question = asked.trim().slice(0, 200);
  const tell = (places: readonly Place[]) => answer(places, dataTools, to, language, LOOK_UP_TOKENS);
  const path = resolvePath(dataTools, question, to);
  if (path !== undefined) return tell([{ path, from: 0 }]);
  // «/orders/30-»: how an answer that was cut says where to go on.
  const [, list, from] = /^(.+?)[/.[]+(\d{1,9})\s?-\s?\d*\]?$/u.exec(question) ?? [];
  const part = list === undefined ? undefined : resolvePath(dataTools, list, to);
  if (part !== undefined) return tell([{ path: part, from: Number(from) }]);
  const wanted = words(question);
  const single = wanted.toSorted((a, b) => b.length - a.length).slice(0, MAX_SINGLE_WORDS);
  const fold = remembered(folded);
  for (const some of [wanted, ...single.map((word) => [word])]) {
    const found = search(dataTools, some, fold);
    if (found.length > 0) return tell(found.map((one) => ({ path: one, from: 0 })));
  }
  return to.say.notFound(plainText(question, 60), placesIn(dataTools));
}

/**
 * What a caller has just named, as {@link lookUp} tells it: the places that have a number or a word of theirs and are few.
 * Small models do not think of looking; what is asked for has to be in front of them.
 *
 * @param said - the caller's words
 * @returns undefined when they name nothing in particular
 */
export function recall(dataTools: DataTools, said: string, language: Language): string | undefined {
  const to = rendering(dataTools, language, () => undefined);
  const fold = remembered(folded);
  const numbers = said.match(/\d{2,}/gu) ?? [];
  const named = words(said).filter((word) => word.length > 3 && !/\d/u.test(word));
  const tries = [...numbers, ...named.toSorted((a, b) => b.length - a.length)].slice(0, MAX_RECALLED_WORDS);
  for (const word of tries) {
    const found = search(dataTools, [word], fold);
    if (found.length > 0 && found.length <= MAX_RECALLED) {
      const places = found.map((path) => ({ path, from: 0 }));
      return answer(places, dataTools, to, language, RECALL_TOKENS);
    }
  }
  return undefined;
}

/** Something to tell; of a list, the items from one on. */
interface Place {
  path: readonly string[];
  from: number;
}

/**
 * Places that have all of the words in their keys or their text, the smallest that do: for «pedido 1234» the order with
 * that number, not all orders.
 */
function search(dataTools: DataTools, wanted: readonly string[], fold: (text: string) => string): string[][] {
  if (wanted.length === 0) return [];
  const found: string[][] = [];
  let visited = 0;
  /** @returns whether something was found in it or below */
  const visit = (value: JsonValue, path: readonly string[], missing: readonly string[]): boolean => {
    visited += 1;
    if (visited > MAX_VISITED || found.length >= MAX_FOUND) return false;
    const key = fold(path.at(-1) ?? '');
    const still = missing.filter((word) => !matches(key, word));
    if (isScalar(value)) {
      const text = fold(String(value));
      if (still.some((word) => !text.includes(word))) return false;
      found.push([...path]);
      return true;
    }
    // All of the words are in the keys: that is the place, as a whole.
    if (still.length === 0) {
      found.push([...path]);
      return true;
    }
    const children = Object.entries(value);
    // Words that stand side by side in one object, such as a name and a state, mean the object.
    const beside = children
      .filter(([, child]) => isScalar(child))
      .map(([name, child]) => fold(`${name} ${child}`));
    if (still.length > 1 && still.every((word) => beside.some((text) => text.includes(word)))) {
      found.push([...path]);
      return true;
    }
    const inside = children.filter(([name, child]) => visit(child, [...path, name], still));
    return inside.length > 0;
  };
  for (const [key, value] of Object.entries(dataTools)) visit(value, [key], wanted);
  return distinct(found.map((path) => around(dataTools, path)));
}

/** A single value of a list's item says little: the item does. */
function around(dataTools: DataTools, path: string[]): string[] {
  const outer = path.slice(0, -1);
  const isOfItem = /^\d+$/u.test(outer.at(-1) ?? '') && isObject(valueAt(dataTools, outer));
  return isOfItem && isScalar(valueAt(dataTools, path)) ? outer : path;
}

function answer(
  places: readonly Place[],
  dataTools: DataTools,
  to: Rendering,
  language: Language,
  maxTokens: number,
): string {
  const kept: string[] = [];
  let room = maxTokens;
  for (const place of places) {
    for (const { text, next } of linesOf(place, dataTools, to)) {
      const price = estimateTokens(`${text}\n`, language);
      if (price > room && kept.length > 0) return [...kept, to.say.goOn(next)].join('\n');
      kept.push(withinTokens(text, room, language));
      room -= price;
    }
  }
  return kept.join('\n');
}

/** The lines of a place, and for each where to go on when it is not told any more. */
function* linesOf(
  { path, from }: Place,
  dataTools: DataTools,
  outer: Rendering,
): Generator<{ text: string; next: string }> {
  const value = valueAt(dataTools, path);
  const currency = path
    .map((_, index) => valueAt(dataTools, path.slice(0, index)))
    .filter(isObject)
    .map((one) => one.currency ?? one.moneda)
    .findLast((one) => typeof one === 'string');
  const to = { ...outer, ...(typeof currency === 'string' && { currency }) };
  if (!Array.isArray(value) || value.length === 0) {
    for (const { text, path: at } of generalLines(nameOf(path, to), value, path, to)) {
      yield { text, next: shownPointer(at) };
    }
    return;
  }
  const name = nameOf(path, to);
  const short = value.every((item) => isScalar(item) && String(item).length < 40);
  if (short && value.length <= MAX_LIST_ITEMS && from === 0) {
    yield { text: `${name}: ${items(value, path, to).join(', ')}`, next: shownPointer(path) };
    return;
  }
  for (const [index, item] of value.entries()) {
    if (index < from) continue;
    const next = shownPointer([...path, `${index}-`]);
    const at = [...path, String(index)];
    if (isList([item])) yield { text: `${name} ${index + 1}: ${items([item], path, to).join('')}`, next };
    else for (const { text } of generalLines(`${name} ${index + 1}`, item, at, to)) yield { text, next };
  }
}

function placesIn(dataTools: DataTools): string {
  return Object.keys(dataTools)
    .slice(0, 20)
    .map((key) => shownPointer([key]))
    .join(', ');
}

function distinct(paths: readonly string[][]): string[][] {
  const pointers = new Map(paths.map((path) => [pointerOf(path), path]));
  return [...pointers.values()];
}

/** The words that say what is looked for. */
function words(text: string): string[] {
  return folded(text)
    .split(' ')
    .filter((word) => word.length > 1 || /\d/u.test(word))
    .filter((word) => !SMALL_WORDS.has(word));
}

/** A key has a word when one of its own begins like it: «pedido» and `pedidos`, «order» and `orders`. */
function matches(key: string, word: string): boolean {
  return key
    .split(' ')
    .some(
      (part) =>
        part === word ||
        (word.length > 3 && part.startsWith(word)) ||
        (part.length > 3 && word.startsWith(part)),
    );
}

const SMALL_WORDS: ReadonlySet<string> = new Set(
  'el la los las un una de del al en con por para que mi mis tu tus su sus y o the a an of in on for to my your and or is are what which cual cuales que es son'.split(
    ' ',
  ),
);
