import process from 'node:process';

/** Set by the supervisor for its children; their standard input is then a pipe that lives as long as it does. */
export const SUPERVISED = 'CHARLA_SUPERVISED';

const GRACE_MS = 10_000;

export function isSupervised(): boolean {
  return process.env[SUPERVISED] === '1';
}

/**
 * Ends this process, and its process group, when the supervisor is gone without having said so (`kill -9`): standard
 * input closes, the process gets its own SIGTERM, and what is still there ten seconds later is killed.
 */
export function endWithSupervisor(): void {
  // Processes forked from here (a worker's jobs) are not children of the supervisor.
  delete process.env[SUPERVISED];
  process.stdin.once('close', () => {
    if (process.listenerCount('SIGTERM') === 0) killOwnGroup();
    process.kill(process.pid, 'SIGTERM');
    setTimeout(killOwnGroup, GRACE_MS).unref();
    // Where it ends well before that, its own children go with it.
    process.once('exit', killOwnGroup);
  });
  process.stdin.resume();
  if ('unref' in process.stdin) process.stdin.unref();
}

function killOwnGroup(): void {
  try {
    process.kill(-process.pid, 'SIGKILL');
  } catch {
    // This process does not lead a group: somebody started it by hand with the variable set.
  }
}
