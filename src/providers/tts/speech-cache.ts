import { createHash, randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { mkdir, readdir, readFile, rename, rm, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { Language } from '../../config/config.ts';
import { ClauseCounts } from './clause-counts.ts';

/** What makes two pieces of speech the same sound. */
export interface SpeechKey {
  /** Who speaks; the same word for our own server on any port. */
  server: string;
  model: string;
  voice: string;
  speed: number;
  language: Language;
  /** As it is spoken, numbers in words. */
  text: string;
}

/**
 * Why speech is kept: `phrase`, one of the agent's own; `learned`, said often, or to a caller who comes again.
 */
export type Keeping = 'phrase' | 'learned';

export interface SpeechCacheOptions {
  /**
   * @defaultValue 16 MiB
   */
  memoryBytes?: number;
  /**
   * @defaultValue 256 MiB
   */
  diskBytes?: number;
  /**
   * The time, ms since 1970.
   * @defaultValue Date.now
   */
  now?: () => number;
}

/** Where a piece of speech was found; a miss has to be made. */
export type Lookup = 'memory' | 'disk' | 'miss';

export type SpeechCacheStats = Record<Lookup, number> & { memoryBytes: number };

const MIB = 2 ** 20;
const DEFAULT_MEMORY_BYTES = 16 * MIB;
const DEFAULT_DISK_BYTES = 256 * MIB;
const DAY_MS = 24 * 3_600_000;
/** What was learned and is not used for so long is deleted. */
const LEARNED_FOR_MS = 30 * DAY_MS;
/** A file that is still being written is younger. */
const PARTIAL_FOR_MS = 3_600_000;
/** A clause is kept when it is synthesised for this time in a week. */
const OFTEN = 3;

/** Part of each file and of its name: what another version wrote is not found, and not played. */
const FORMAT = 2;
const MAGIC = Buffer.from(`charla${FORMAT}\n`);
const DIGEST_BYTES = 32;
const HEADER_BYTES = MAGIC.length + DIGEST_BYTES;
const FILE = /^[0-9a-f]{64}\.pcm$/;
const PARTIAL = /^[0-9a-f]{64}\.pcm\..+\.part$/;

/**
 * Speech that is heard again without being made again: memory (the least recently used goes first) over files that all
 * processes of this machine share. Each lookup is told by the event `lookup`.
 *
 * What is kept: the agent's own phrases, until room is needed; and what is said often, which is a clause without digits
 * and addresses that is synthesised for the third time in a week. Until then only anonymous counts of it are on the disk
 * (`clause-counts.ts`), so that a caller's sentence leaves nothing behind; what was learned and is not used for 30 days is
 * deleted. The folder `learned` may be emptied at any time.
 *
 * A file holds a digest of its sound and is written beside its place and renamed into it: what is half written, damaged
 * or another program's is not played.
 */
export class SpeechCache extends EventEmitter<{ lookup: [Lookup] }> {
  readonly #root: string;
  readonly #memory: LRUCache<string, Uint8Array>;
  readonly #diskBytes: number;
  readonly #now: () => number;
  readonly #counts: ClauseCounts;
  readonly #lookups: Record<Lookup, number> = { memory: 0, disk: 0, miss: 0 };
  #trimming: Promise<void> = Promise.resolve();

  /** @param home - `CHARLA_HOME`; the files are under `speech/` */
  constructor(home: string, options: SpeechCacheOptions = {}) {
    super();
    const { memoryBytes = DEFAULT_MEMORY_BYTES, diskBytes = DEFAULT_DISK_BYTES, now = Date.now } = options;
    this.#root = join(home, 'speech');
    this.#memory = new LRUCache({ maxSize: memoryBytes, sizeCalculation: (pcm) => Math.max(1, pcm.length) });
    this.#diskBytes = diskBytes;
    this.#now = now;
    this.#counts = new ClauseCounts(join(this.#root, 'counts.bin'), now);
  }

  /**
   * Looks speech up, in memory and then on the disk.
   *
   * @returns PCM, mono, 24 kHz, 16 bit little-endian; undefined when it is not kept
   */
  async get(key: SpeechKey): Promise<Uint8Array | undefined> {
    const hash = hashOf(key);
    const remembered = this.#memory.get(hash);
    const found = remembered ?? (await this.#read(hash));
    const result = remembered !== undefined ? 'memory' : found !== undefined ? 'disk' : 'miss';
    this.#lookups[result] += 1;
    this.emit('lookup', result);
    return found;
  }

  /** Reads speech into memory ahead of its use, where it is kept; no lookup. */
  async load(key: SpeechKey): Promise<void> {
    const hash = hashOf(key);
    if (!this.#memory.has(hash)) await this.#read(hash);
  }

  /** Keeps a piece of speech; `pcm` as {@link get} returns it. */
  async put(key: SpeechKey, pcm: Uint8Array, keeping: Keeping): Promise<void> {
    const hash = hashOf(key);
    this.#memory.set(hash, pcm);
    await this.#write(hash, pcm, keeping);
    await this.#trim();
  }

  /** Counts a clause that had to be made, and keeps it once it is made often. */
  async learn(key: SpeechKey, pcm: Uint8Array): Promise<void> {
    if ((await this.#counts.add(hashOf(key))) >= OFTEN) await this.put(key, pcm, 'learned');
  }

  /** Lookups since the start of this process, and what memory holds. */
  stats(): SpeechCacheStats {
    return { ...this.#lookups, memoryBytes: this.#memory.calculatedSize };
  }

  async #read(hash: string): Promise<Uint8Array | undefined> {
    for (const keeping of ['phrase', 'learned'] as const) {
      const path = this.#path(hash, keeping);
      const file = await readFile(path).catch(() => undefined);
      if (file === undefined) continue;
      const pcm = verified(file);
      if (pcm === undefined) {
        await unlink(path).catch(() => undefined);
        continue;
      }
      this.#memory.set(hash, pcm);
      const now = new Date(this.#now());
      // The time of its last use; another process may have deleted it meanwhile.
      utimes(path, now, now).catch(() => undefined);
      return pcm;
    }
    return undefined;
  }

  async #write(hash: string, pcm: Uint8Array, keeping: Keeping): Promise<void> {
    const path = this.#path(hash, keeping);
    await mkdir(join(this.#root, keeping), { recursive: true });
    const partial = `${path}.${randomUUID()}.part`;
    try {
      await writeFile(partial, Buffer.concat([MAGIC, digest(pcm), pcm]));
      const now = new Date(this.#now());
      await utimes(partial, now, now);
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  /** One after another in this process; other processes may do the same at the same time. */
  #trim(): Promise<void> {
    this.#trimming = this.#trimming.then(() => this.#deleteOld());
    return this.#trimming;
  }

  async #deleteOld(): Promise<void> {
    const now = this.#now();
    const [learned, phrases] = await Promise.all([this.#list('learned', now), this.#list('phrase', now)]);
    const old = learned.filter((file) => now - file.usedAt > LEARNED_FOR_MS);
    // The agent's own phrases go last: they must be heard when the voice's server is down.
    const fresh = [...learned.filter((file) => !old.includes(file)), ...phrases];
    let excess = fresh.reduce((sum, file) => sum + file.bytes, 0) - this.#diskBytes;
    for (const file of fresh) {
      if (excess <= 0) break;
      old.push(file);
      excess -= file.bytes;
    }
    await Promise.all(old.map((file) => unlink(file.path).catch(() => undefined)));
  }

  /** Files of ours, the one used longest ago first. What a process left half written is deleted. */
  async #list(keeping: Keeping, now: number): Promise<{ path: string; bytes: number; usedAt: number }[]> {
    const folder = join(this.#root, keeping);
    const names = await readdir(folder).catch(() => []);
    const files = await Promise.all(
      names
        .filter((name) => FILE.test(name) || PARTIAL.test(name))
        .map(async (name) => {
          const path = join(folder, name);
          const found = await stat(path).catch(() => undefined);
          if (found === undefined) return [];
          if (FILE.test(name)) return [{ path, bytes: found.size, usedAt: found.mtimeMs }];
          if (now - found.mtimeMs > PARTIAL_FOR_MS) await unlink(path).catch(() => undefined);
          return [];
        }),
    );
    return files.flat().sort((a, b) => a.usedAt - b.usedAt);
  }

  #path(hash: string, keeping: Keeping): string {
    return join(this.#root, keeping, `${hash}.pcm`);
  }
}

function hashOf({ server, model, voice, speed, language, text }: SpeechKey): string {
  return createHash('sha256')
    .update(JSON.stringify([FORMAT, server, model, voice, speed, language, text]))
    .digest('hex');
}

function digest(pcm: Uint8Array): Buffer {
  return createHash('sha256').update(pcm).digest();
}

/** The sound in a file; undefined when it is not what was written. */
function verified(file: Buffer): Uint8Array | undefined {
  const pcm = file.subarray(HEADER_BYTES);
  const isOurs = file.subarray(0, MAGIC.length).equals(MAGIC) && pcm.length > 0;
  return isOurs && file.subarray(MAGIC.length, HEADER_BYTES).equals(digest(pcm)) ? pcm : undefined;
}
