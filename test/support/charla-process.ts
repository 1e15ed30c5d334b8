import { type ExecaError, execa, type Result } from 'execa';

/** A command of Charla that runs in a process of its own. */
export interface CharlaProcess {
  readonly pid: number;
  /** Everything that it printed. */
  output(): string;
  /** Ends it, with SIGTERM unless given, and waits until it is gone. */
  end(signal?: NodeJS.Signals): Promise<void>;
}

/** @param env - variables over those of this process */
export function startCharla(command: 'serve' | 'worker', env: Record<string, string>): CharlaProcess {
  const child = execa('node', ['--import', 'tsx', 'src/cli/main.ts', command], {
    env,
    all: true,
    reject: false,
    stdin: 'ignore',
    buffer: false,
    forceKillAfterDelay: false,
  });
  let output = '';
  child.all.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const gone: Promise<Result | ExecaError> = child;
  return {
    pid: child.pid ?? 0,
    output: () => output,
    end: async (signal = 'SIGTERM') => {
      child.kill(signal);
      await gone;
    },
  };
}
