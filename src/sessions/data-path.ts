import type { DataTools, JsonValue } from './data-tools.ts';
import { keysOf } from './json-pointer.ts';
import { isObject, label, type Rendering } from './render-values.ts';

/**
 * Where a path leads that a model wrote, key by key; undefined where it leads nowhere.
 *
 * @param written - JSON Pointer, dotted path or words
 */
export function resolvePath(dataTools: DataTools, written: string, to: Rendering): string[] | undefined {
  for (const keys of readings(written)) {
    const path = walk(dataTools, keys, to);
    if (path !== undefined) return path;
  }
  return undefined;
}

/** The value at a path that {@link resolvePath} found. */
export function valueAt(dataTools: DataTools, path: readonly string[]): JsonValue | undefined {
  return path.reduce<JsonValue | undefined>(
    (value, key) =>
      Array.isArray(value)
        ? value[Number(key)]
        : isObject(value) && Object.hasOwn(value, key)
          ? value[key]
          : undefined,
    dataTools,
  );
}

/** A path that a model wrote, and its last key apart; that is not there yet, perhaps. */
export function splitPath(written: string): { parent: string; key: string } {
  const [, parent = '', key = ''] = /^(.*?)[/.>,:]?\s*([^/.>,:]+)$/u.exec(written.trim()) ?? [];
  return { parent, key: key.trim() };
}

/** «Pedidos 4, artículos»: as the lines of the prompt begin. */
export function nameOf(path: readonly string[], { say }: Rendering): string {
  return path.reduce((name, key) => {
    if (/^\d+$/u.test(key)) return `${name} ${Number(key) + 1}`;
    return name === '' ? label(key, say) : `${name}, ${label(key, say).toLocaleLowerCase()}`;
  }, '');
}

/** Lower case, without accents, words apart: `lastOrder`, `last_order` and «Last order» are the same. */
export function folded(text: string): string {
  return text
    .slice(0, 2_000)
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** The keys that a path may mean, the likeliest first. */
function readings(written: string): string[][] {
  const text = written
    .trim()
    .replace(/^["'`«$#]+|["'`».,]+$/gu, '')
    .trim();
  if (text === '' || text === '/') return [];
  const dotted = text.replace(/\[["']?([^\]"']*)["']?\]/gu, '.$1').replace(/^\.+/u, '');
  return [keysOf(text), dotted.split(/[./>]+/u), text.split(/[,>:/]+/u)]
    .map((keys) => keys.map((key) => key.trim()).filter((key) => key !== ''))
    .filter((keys) => keys.length > 0);
}

function walk(root: DataTools, keys: readonly string[], to: Rendering): string[] | undefined {
  let here: JsonValue = root;
  const path: string[] = [];
  for (const key of keys) {
    const next = step(here, key, to);
    if (next === undefined) return undefined;
    path.push(next.key);
    here = next.value;
  }
  return path;
}

function step(here: JsonValue, key: string, to: Rendering): { key: string; value: JsonValue } | undefined {
  if (Array.isArray(here)) {
    const value = /^\d{1,9}$/u.test(key) ? here[Number(key)] : undefined;
    return value === undefined ? undefined : { key: String(Number(key)), value };
  }
  if (!isObject(here)) return undefined;
  const own = Object.keys(here);
  const wanted = folded(key);
  const name =
    (Object.hasOwn(here, key) ? key : undefined) ??
    own.find((one) => folded(one) === wanted) ??
    own.find((one) => folded(label(one, to.say)) === wanted);
  const value = name === undefined ? undefined : here[name];
  return name === undefined || value === undefined ? undefined : { key: name, value };
}
