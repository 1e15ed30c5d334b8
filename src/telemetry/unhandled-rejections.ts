import { Counter, type Registry } from 'prom-client';
import type { Logger } from './log.ts';

/**
 * Has the process go on when a promise fails that nobody waits for: Node.js would end it, and with it every call. Each is a
 * bug, of ours or of a library, and is logged and counted. An exception that nobody catches ends the process all the same.
 *
 * @returns ends it
 */
export function outliveRejections(registry: Registry, log: Logger): () => void {
  const counter = new Counter({
    name: 'unhandled_rejections_total',
    help: 'Promises that this process let fail unseen.',
    registers: [registry],
  });
  const take = (error: unknown) => {
    log.error({ err: error }, 'unhandled rejection');
    counter.inc();
  };
  process.on('unhandledRejection', take);
  return () => void process.off('unhandledRejection', take);
}
