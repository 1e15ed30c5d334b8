import type { Config } from '../config/config.ts';
import { CharlaError } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { openStore } from './open-store.ts';
import type { Store } from './store.ts';
import { MEMORY } from './store-address.ts';

/**
 * Opens the store for a server: in development, and in memory, its tables are brought to this version; in production
 * that is for `charla migrate`.
 *
 * @throws CharlaError as {@link openStore} and {@link Store.migrate}; `CHARLA_STORE_OUTDATED` in production
 */
export async function openReadyStore(config: Config, log: Logger): Promise<Store> {
  const store = await openStore(config, log);
  try {
    const pending = await store.pendingMigrations();
    if (pending > 0 && config.NODE_ENV === 'production' && store.address !== MEMORY) {
      throw new CharlaError('CHARLA_STORE_OUTDATED', { address: store.address, pending });
    }
    if (pending > 0) {
      const migrations = await store.migrate();
      // None where another server did it meanwhile.
      if (migrations > 0) {
        log.info({ migrations, store: store.kind }, 'the tables of the store were brought to this version');
      }
    }
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}
