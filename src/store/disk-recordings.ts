import { copyFile, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import type { FileStorage } from './recording-files.ts';

/** Files under a folder, of which only this user may see anything. */
export function diskRecordings(folder: string): FileStorage {
  const pathOf = (file: string) => {
    const path = resolve(folder, file);
    if (!path.startsWith(resolve(folder) + sep)) throw new Error('its file is not under CHARLA_HOME');
    return path;
  };
  return {
    async put(file, path) {
      const to = pathOf(file);
      await mkdir(dirname(to), { recursive: true, mode: 0o700 });
      await rename(path, to).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EXDEV') throw error;
        await copyFile(path, to);
      });
    },
    async read(file, range) {
      const handle = await open(pathOf(file));
      return handle.createReadStream(range);
    },
    async delete(file) {
      await rm(pathOf(file), { force: true });
    },
  };
}
