import { Command } from 'commander';

/** `charla migrate`: the tables of the store. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description('Bring the tables of the store to this version of Charla.')
    .option('--check', 'change nothing; exit with 1 when there is something to do')
    .addHelpText(
      'after',
      '\nThe store is the PostgreSQL at DATABASE_URL, else PGlite in CHARLA_HOME. `charla serve` migrates by itself in' +
        ' development only.\nTwice is the same as once; of several at once one migrates; one that fails leaves the tables' +
        ' as they were.',
    )
    .action(async ({ check = false }: { check?: boolean }) => {
      const [{ loadConfig }, { createLogger }, { openStore }] = await Promise.all([
        import('../config/config.ts'),
        import('../telemetry/log.ts'),
        import('../store/open-store.ts'),
      ]);
      const config = loadConfig();
      const store = await openStore(config, createLogger('migrate', config.LOG_LEVEL));
      try {
        if (check) {
          const pending = await store.pendingMigrations();
          console.log(`${store.address}: ${pending} migrations to apply`);
          process.exitCode = pending > 0 ? 1 : 0;
        } else {
          const applied = await store.migrate();
          console.log(`${store.address}: ${applied} migrations applied`);
        }
      } finally {
        await store.close();
      }
    });
}
