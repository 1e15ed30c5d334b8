import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Starts a `charla` command as a process of its own; it never rejects, whatever its exit code is. */
export function runCharla(args: readonly string[], env: Record<string, string>) {
  return execa('node', ['--import', 'tsx', MAIN, ...args], {
    env: { NODE_ENV: 'test', LOG_LEVEL: 'info', NO_COLOR: '1', ...env },
    reject: false,
  });
}
