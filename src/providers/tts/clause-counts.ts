import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

const WEEK_MS = 7 * 24 * 3_600_000;
const HEADER_BYTES = 8;
/** Two rows, so that two clauses are taken for one only if they meet in both (a count-min sketch). */
const ROWS = 2;
const SLOTS = 32_768;
const FILE_BYTES = HEADER_BYTES + ROWS * SLOTS;
const MAX_COUNT = 255;

/**
 * Counts how often clauses were synthesised this week, for all processes of a machine. The file has a fixed size and holds
 * numbers only: nothing of a sentence can be read out of it. A count that two processes write at once may be lost; two
 * clauses may rarely share one.
 */
export class ClauseCounts {
  readonly #path: string;
  readonly #now: () => number;

  constructor(path: string, now: () => number = Date.now) {
    this.#path = path;
    this.#now = now;
  }

  /**
   * Counts a clause once more.
   *
   * @param hash - of the clause, at least eight hexadecimal digits
   * @returns how often it came this week, this time included
   */
  async add(hash: string): Promise<number> {
    await mkdir(dirname(this.#path), { recursive: true });
    // «a+» makes the file where there is none, and would only append to it.
    await (await open(this.#path, 'a+')).close();
    const file = await open(this.#path, 'r+');
    try {
      await this.#startWeek(file);
      const counts: number[] = [];
      for (let row = 0; row < ROWS; row += 1) {
        const slot = Number.parseInt(hash.slice(row * 4, row * 4 + 4), 16) % SLOTS;
        const at = HEADER_BYTES + row * SLOTS + slot;
        const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
        const count = Math.min(MAX_COUNT, buffer.readUInt8() + 1);
        await file.write(Uint8Array.of(count), 0, 1, at);
        counts.push(count);
      }
      return Math.min(...counts);
    } finally {
      await file.close();
    }
  }

  /** Begins at zero in a new week, and where the file is not one of ours. */
  async #startWeek(file: FileHandle): Promise<void> {
    const header = Buffer.alloc(HEADER_BYTES);
    header.write('CCNT');
    header.writeUInt32LE(Math.floor(this.#now() / WEEK_MS), 4);
    const { size } = await file.stat();
    const { buffer } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    if (size === FILE_BYTES && buffer.equals(header)) return;
    await file.truncate(0);
    await file.truncate(FILE_BYTES);
    await file.write(header, 0, HEADER_BYTES, 0);
  }
}
