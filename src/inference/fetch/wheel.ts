import type { Readable } from 'node:stream';
import { type Entry, openPromise } from 'yauzl';

/** An opened Python wheel (a zip). */
export interface Wheel {
  has(member: string): boolean;
  /** The member's bytes as a stream; its length is checked. */
  read(member: string): Promise<Readable>;
  close(): void;
}

/** Opens a wheel and reads its table of contents; the members stay on disk until they are read. */
export async function openWheel(path: string): Promise<Wheel> {
  const zip = await openPromise(path, { autoClose: false });
  const entries = new Map<string, Entry>();
  for await (const entry of zip.eachEntry()) entries.set(entry.fileName, entry);
  return {
    has: (member) => entries.has(member),
    read: (member) => {
      const entry = entries.get(member);
      if (entry === undefined) throw new Error(`${path} has no ${member}`);
      return zip.openReadStreamPromise(entry);
    },
    close: () => zip.close(),
  };
}
