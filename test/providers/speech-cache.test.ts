import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClauseCounts } from '../../src/providers/tts/clause-counts.ts';
import { type Lookup, SpeechCache, type SpeechKey } from '../../src/providers/tts/speech-cache.ts';

const DAY_MS = 24 * 3_600_000;
const NOON = Date.UTC(2026, 10, 21, 12);
const KEY: SpeechKey = {
  server: 'charla',
  model: 'kokoro',
  voice: 'ef_dora',
  speed: 1,
  language: 'es',
  text: 'Buenos días.',
};
const key = (text: string): SpeechKey => ({ ...KEY, text });
const sound = (bytes: number, fill = 7) => new Uint8Array(bytes).fill(fill);

let home: string;
let clock: number;
const now = () => clock;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'charla-cache-'));
  clock = NOON;
});
afterEach(() => rm(home, { recursive: true, force: true }));

const filesOf = (keeping: string) => readdir(join(home, 'speech', keeping)).catch(() => []);
/** The one file of a folder. */
async function onlyFile(keeping: string): Promise<string> {
  const [name = '', ...more] = await filesOf(keeping);
  expect(more).toEqual([]);
  return join(home, 'speech', keeping, name);
}
/** What another process finds. */
const other = () => new SpeechCache(home, { now });

describe('the speech cache', () => {
  it('finds in memory what this process kept, and on the disk what another one did', async () => {
    const cache = new SpeechCache(home, { now });
    const lookups: Lookup[] = [];
    cache.on('lookup', (result) => lookups.push(result));
    expect(await cache.get(KEY)).toBeUndefined();
    await cache.put(KEY, sound(100), 'phrase');
    expect(await cache.get(KEY)).toEqual(sound(100));
    const second = other();
    second.on('lookup', (result) => lookups.push(result));
    expect(Uint8Array.from((await second.get(KEY)) ?? [])).toEqual(sound(100));
    await second.get(KEY);
    expect(lookups).toEqual(['miss', 'memory', 'disk', 'memory']);
    expect(second.stats()).toEqual({ memory: 1, disk: 1, miss: 0, memoryBytes: 100 });
  });

  it('reads into memory ahead, without a lookup', async () => {
    await other().put(KEY, sound(100), 'phrase');
    const cache = other();
    await cache.load(KEY);
    await cache.load(key('never said'));
    expect(cache.stats()).toEqual({ memory: 0, disk: 0, miss: 0, memoryBytes: 100 });
    await rm(join(home, 'speech'), { recursive: true });
    expect(await cache.get(KEY)).toBeDefined();
    expect(cache.stats()).toMatchObject({ memory: 1, disk: 0 });
  });

  it.each<[string, Partial<SpeechKey>]>([
    ['server', { server: 'https://api.openai.com/v1' }],
    ['model', { model: 'piper' }],
    ['voice', { voice: 'em_alex' }],
    ['speed', { speed: 1.1 }],
    ['language', { language: 'en' }],
    ['text', { text: 'Buenas tardes.' }],
  ])('takes no speech of another %s', async (_, different) => {
    const cache = new SpeechCache(home, { now });
    await cache.put(KEY, sound(10), 'phrase');
    expect(await cache.get({ ...KEY, ...different })).toBeUndefined();
  });

  it.each<[string, (file: Buffer) => Uint8Array]>([
    ['half written', (file) => file.subarray(0, file.length / 2)],
    ['empty', () => new Uint8Array()],
    ['a header without sound', (file) => file.subarray(0, file.length - 100)],
    ['of another program', () => Buffer.from('RIFF....WAVEfmt '.repeat(20))],
    ['damaged in one bit', (file) => Uint8Array.from(file, (byte, at) => (at === 90 ? byte ^ 1 : byte))],
    ['longer than it was', (file) => Buffer.concat([file, file])],
  ])('plays no file that is %s, and takes it away', async (_, damaged) => {
    await other().put(KEY, sound(100), 'phrase');
    const path = await onlyFile('phrase');
    await writeFile(path, damaged(await readFile(path)));
    expect(await other().get(KEY)).toBeUndefined();
    expect(await filesOf('phrase')).toEqual([]);
    await other().put(KEY, sound(100), 'phrase');
    expect(await other().get(KEY)).toBeDefined();
  });

  it('holds no more in memory than it may; what was used longest ago goes', async () => {
    const cache = new SpeechCache(home, { memoryBytes: 250, now });
    await cache.put(key('a'), sound(100), 'phrase');
    await cache.put(key('b'), sound(100), 'phrase');
    await cache.get(key('a'));
    await cache.put(key('c'), sound(100), 'phrase');
    expect(cache.stats().memoryBytes).toBe(200);
    await rm(join(home, 'speech'), { recursive: true });
    const found = await Promise.all(
      ['a', 'b', 'c'].map(async (text) => (await cache.get(key(text))) !== undefined),
    );
    expect(found).toEqual([true, false, true]);
  });

  it('holds no more on the disk than it may: what was learned goes first, the longest unused of it', async () => {
    const cache = () => new SpeechCache(home, { diskBytes: 4_500, now });
    for (const [text, keeping] of [
      ['phrase', 'phrase'],
      ['a', 'learned'],
      ['b', 'learned'],
      ['c', 'learned'],
    ] as const) {
      clock += 60_000;
      await cache().put(key(text), sound(1_000), keeping);
    }
    clock += 60_000;
    await cache().get(key('a'));
    // The time of use is written after the sound is given.
    await expect.poll(async () => (await newest('learned')).mtimeMs).toBe(clock);
    clock += 60_000;
    await cache().put(key('d'), sound(1_000), 'learned');
    const kept = await Promise.all(
      ['phrase', 'a', 'b', 'c', 'd'].map(async (text) => (await cache().get(key(text))) !== undefined),
    );
    expect(kept).toEqual([true, true, false, true, true]);
  });

  it('forgets what was learned and not used for a month, never the phrases', async () => {
    await other().put(key('phrase'), sound(10), 'phrase');
    await other().put(key('personal'), sound(10), 'learned');
    clock += 31 * DAY_MS;
    await other().put(key('new'), sound(10), 'learned');
    expect(await other().get(key('personal'))).toBeUndefined();
    expect(await other().get(key('phrase'))).toBeDefined();
    expect(await filesOf('learned')).toHaveLength(1);
  });

  it('clears away what a process left half written, and leaves alone what is not its own', async () => {
    const folder = join(home, 'speech', 'learned');
    await mkdir(folder, { recursive: true });
    const stale = `${'a'.repeat(64)}.pcm.1.part`;
    const fresh = `${'b'.repeat(64)}.pcm.2.part`;
    for (const name of [stale, fresh, 'notes.txt']) {
      await writeFile(join(folder, name), 'x');
      const at = new Date(name === fresh ? clock : clock - DAY_MS);
      await utimes(join(folder, name), at, at);
    }
    await other().put(KEY, sound(10), 'phrase');
    expect((await readdir(folder)).sort()).toEqual([fresh, 'notes.txt'].sort());
  });

  it('is shared by processes that write and read at once', async () => {
    const texts = ['a', 'b', 'c'];
    await Promise.all(
      Array.from({ length: 30 }, async (_, at) => {
        const text = texts[at % 3] ?? '';
        const cache = new SpeechCache(home, { diskBytes: 250, now });
        await cache.put(key(text), sound(100, text.charCodeAt(0)), 'learned');
        const found = await new SpeechCache(home, { now }).get(key(text));
        if (found !== undefined) expect(Uint8Array.from(found)).toEqual(sound(100, text.charCodeAt(0)));
      }),
    );
    expect((await filesOf('learned')).every((name) => name.endsWith('.pcm'))).toBe(true);
  });

  async function newest(keeping: string) {
    const folder = join(home, 'speech', keeping);
    const stats = await Promise.all((await filesOf(keeping)).map((name) => stat(join(folder, name))));
    return stats.reduce((late, one) => (one.mtimeMs > late.mtimeMs ? one : late));
  }
});

describe('speech that is said often', () => {
  it('is kept the third time in a week, whichever processes said it', async () => {
    await other().learn(KEY, sound(10));
    await other().learn(KEY, sound(10));
    expect(await other().get(KEY)).toBeUndefined();
    await other().learn(KEY, sound(10));
    expect(await other().get(KEY)).toBeDefined();
    expect(await filesOf('learned')).toHaveLength(1);
  });

  it('leaves nothing of a rare sentence behind but numbers', async () => {
    const secret = 'Su hijo nació en Sevilla.';
    await other().learn(key(secret), sound(1_000));
    expect(await readdir(join(home, 'speech'))).toEqual(['counts.bin']);
    const counts = await readFile(join(home, 'speech', 'counts.bin'));
    const { size } = await stat(join(home, 'speech', 'counts.bin'));
    await other().learn(key('Otra frase.'), sound(1_000));
    expect((await stat(join(home, 'speech', 'counts.bin'))).size).toBe(size);
    expect(counts.includes(Buffer.from('Sevilla'))).toBe(false);
    expect([...counts.subarray(8)].filter((byte) => byte !== 0)).toEqual([1, 1]);
  });

  it('is counted from zero in a new week', async () => {
    const counts = new ClauseCounts(join(home, 'counts.bin'), now);
    const hash = 'f00dcafe'.repeat(8);
    expect([await counts.add(hash), await counts.add(hash)]).toEqual([1, 2]);
    clock += 7 * DAY_MS;
    expect(await counts.add(hash)).toBe(1);
  });

  it('is counted from zero where the file is damaged', async () => {
    const path = join(home, 'counts.bin');
    const counts = new ClauseCounts(path, now);
    await counts.add('f00dcafe'.repeat(8));
    await writeFile(path, 'something else');
    expect(await counts.add('f00dcafe'.repeat(8))).toBe(1);
  });

  it('is told apart from other sentences', async () => {
    const counts = new ClauseCounts(join(home, 'counts.bin'), now);
    await counts.add('f00dcafe'.repeat(8));
    expect(await counts.add('f00dbeef'.repeat(8))).toBe(1);
    expect(await counts.add('beefcafe'.repeat(8))).toBe(1);
  });
});
