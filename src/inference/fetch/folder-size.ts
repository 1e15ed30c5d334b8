import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes of all files under a folder; 0 when there is none. Files that vanish meanwhile do not count. */
export async function folderSize(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => {
      const { size } = await stat(join(entry.parentPath, entry.name)).catch(() => ({ size: 0 }));
      return size;
    });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
