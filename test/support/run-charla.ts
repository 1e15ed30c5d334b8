import { fileURLToPath } from 'node:url';
import { execa, type Options } from 'execa';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

type RunOptions = Pick<Options, 'forceKillAfterDelay'>;

/** Starts a `charla` command as a process of its own; it never rejects, whatever its exit code is. */
export function runCharla(args: readonly string[], env: Record<string, string>, options: RunOptions = {}) {
  return execa('node', ['--import', 'tsx', MAIN, ...args], {
    env: { NODE_ENV: 'test', LOG_LEVEL: 'info', NO_COLOR: '1', ...env },
    all: true,
    reject: false,
    stdin: 'ignore',
    ...options,
  });
}

/** A command of Charla that runs until it is ended. */
export interface CharlaProcess {
  readonly pid: number;
  /** Everything that it printed. */
  output(): string;
  /** Ends it, with SIGTERM unless given, and waits until it is gone. */
  end(signal?: NodeJS.Signals): Promise<void>;
}

/** @param env - variables over those of this process */
export function startCharla(command: 'serve' | 'worker', env: Record<string, string>): CharlaProcess {
  // Its calls may take their time to end.
  const child = runCharla([command], env, { forceKillAfterDelay: false });
  let output = '';
  child.all.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  return {
    pid: child.pid ?? 0,
    output: () => output,
    end: async (signal = 'SIGTERM') => {
      child.kill(signal);
      await child;
    },
  };
}
