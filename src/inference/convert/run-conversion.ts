import type { Conversion } from '../catalogue.ts';
import { startThread } from '../start-thread.ts';

/**
 * Runs a conversion in a worker thread, so that progress keeps being drawn.
 *
 * @param conversion - with absolute paths in place of names
 * @param onProgress - is told the share done, 0 to 1
 * @param signal - ends the thread
 * @throws what the conversion throws
 */
export function runConversion(
  conversion: Conversion,
  { onProgress, signal }: { onProgress: (share: number) => void; signal?: AbortSignal | undefined },
): Promise<void> {
  signal?.throwIfAborted();
  const worker = startThread(new URL('./conversion-thread.ts', import.meta.url), conversion);
  return new Promise<void>((resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    worker.on('message', onProgress);
    worker.on('error', reject);
    worker.on('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`the conversion ended with code ${code}`));
    });
  }).finally(() => worker.terminate());
}
