import { Command } from 'commander';

/** `charla serve`: the HTTP API, the page, and the sound of carriers' media streams. */
export function serveCommand(): Command {
  return new Command('serve')
    .description(
      "Run the HTTP API and the page on HOST and PORT, and bring carriers' media streams into rooms.",
    )
    .addHelpText(
      'after',
      '\nIt reads HOST, PORT, ADMIN_API_KEY, LIVEKIT_URL, LIVEKIT_PUBLIC_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET and those of' +
        ' the page\n(.env.example lists all). docs/api.md shows each endpoint. SIGTERM lets running requests end.',
    )
    .action(async () => {
      const [{ loadConfig }, { createLogger }, { serve }, { assertPortsFree }] = await Promise.all([
        import('../config/config.ts'),
        import('../telemetry/log.ts'),
        import('../http/serve.ts'),
        import('./dev/port-holder.ts'),
      ]);
      const config = loadConfig();
      const { HOST: host, PORT: port } = config;
      await assertPortsFree([{ host, port, service: 'charla serve', variable: 'PORT' }]);
      const log = createLogger('serve', config.LOG_LEVEL);
      const server = await serve(config, log);
      const stop = () =>
        server.close().then(
          () => process.exit(0),
          (error: unknown) => {
            log.error({ err: error }, 'the server did not close cleanly');
            process.exit(1);
          },
        );
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());
    });
}
