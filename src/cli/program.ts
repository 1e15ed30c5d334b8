import { Command } from 'commander';

interface Entry {
  summary: string;
  load: () => Promise<Command>;
}

/** Loaded only when asked for: the models' runtimes and the agents framework take a second and 100 MB each. */
const COMMANDS: Record<string, Entry> = {
  dev: {
    summary: 'start everything on this machine, supervised',
    load: async () => (await import('./dev.ts')).devCommand(),
  },
  serve: {
    summary: "HTTP API, page, carriers' media streams",
    load: async () => (await import('./serve.ts')).serveCommand(),
  },
  worker: {
    summary: 'the agent: joins rooms and talks',
    load: async () => (await import('./worker.ts')).workerCommand(),
  },
  migrate: {
    summary: 'bring the tables of the store to this version',
    load: async () => (await import('./migrate.ts')).migrateCommand(),
  },
  sip: {
    summary: 'SIP trunks, and the rule that brings their calls to the agent',
    load: async () => (await import('./sip.ts')).sipCommand(),
  },
  keys: {
    summary: 'make keys for servers that call the HTTP API',
    load: async () => (await import('./keys.ts')).keysCommand(),
  },
  inference: {
    summary: 'local models behind the OpenAI HTTP API',
    load: async () => (await import('./inference.ts')).inferenceCommand(),
  },
  models: {
    summary: 'list, fetch and remove local models',
    load: async () => (await import('./models.ts')).modelsCommand(),
  },
};

/**
 * The `charla` program for one command line. Only the command that the line names is loaded; the others are there
 * with their name and summary, for `--help`.
 *
 * @param args - the command line without runtime and script
 */
export async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('charla')
    .description('Self-hosted realtime voice-agent server on LiveKit.')
    .showHelpAfterError('(charla --help shows every command)')
    .addHelpText(
      'after',
      '\nConfiguration comes from .env or the environment; .env.example lists every variable.',
    );
  const wanted = new Set(args.filter((arg) => !arg.startsWith('-')).slice(0, 2));
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = wanted.has(name) ? await load() : new Command(name);
    program.addCommand(command.name(name).summary(summary));
  }
  return program;
}
