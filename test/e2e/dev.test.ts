import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive, until } from '../cli/support.ts';
import { type DevStack, startDevStack } from '../support/dev-stack.ts';

const SERVICES = ['livekit', 'inference', 'serve', 'worker'] as const;

let stack: DevStack;
beforeAll(async () => {
  stack = await startDevStack();
  await until(() => stack.output().includes('Ready in'));
});
afterAll(() => stack.stop());

/** Process ids of a service, in the order of its starts. */
function pids(service: string): number[] {
  const lines = stack.output().matchAll(new RegExp(`^${service} +│ started \\(pid (\\d+)\\)`, 'gm'));
  return [...lines].map(([, pid]) => Number(pid));
}

function groupIsAlive(leader: number): boolean {
  try {
    process.kill(-leader, 0);
    return true;
  } catch {
    return false;
  }
}

describe('charla dev', () => {
  it('starts the four services and says in a table where each one is', async () => {
    for (const service of SERVICES) {
      expect(pids(service)).toHaveLength(1);
      expect(stack.output()).toMatch(new RegExp(`│ ${service} +│ \\S+ +│ ${pids(service)[0]} +│`));
    }
    expect(stack.output()).toContain(`Open http://localhost:${new URL(stack.apiUrl).port}`);
    const page = await fetch(stack.apiUrl);
    expect(await page.text()).toContain('<div id="root"');
  });

  it('started a second time says which port is taken, and that another one holds it', async () => {
    const { port } = new URL(stack.apiUrl);
    const env = {
      NODE_ENV: 'development',
      PORT: port,
      INFERENCE_PORT: new URL(stack.inferenceUrl).port,
      LIVEKIT_URL: stack.livekitUrl,
    };
    const options = { env, reject: false, all: true, stdin: 'ignore' } as const;
    const second = await execa('node', ['--import', 'tsx', 'src/cli/main.ts', 'dev'], options);
    expect(second.exitCode).toBe(1);
    expect(second.all).toContain('CHARLA_PORT_TAKEN');
    expect(second.all).toContain(
      `Port ${port}, which the HTTP API needs, is taken by another \`charla dev\``,
    );
    expect(second.all).not.toContain('    at ');
  });

  it('starts a service again that was killed, says so, and all is well afterwards', async () => {
    const [killed] = pids('inference');
    if (killed === undefined) throw new Error('inference was never started');
    process.kill(killed, 'SIGKILL');
    await until(() => pids('inference').length === 2);
    expect(stack.output()).toMatch(
      /^inference +│ stopped unexpectedly: killed by SIGKILL; starting it again in 1 s$/m,
    );
    await until(() => fetch(`${stack.apiUrl}/health`).then((response) => response.ok));
    expect(isAlive(killed)).toBe(false);
  });

  it('leaves no process behind when it is ended', async () => {
    const leaders = SERVICES.flatMap(pids);
    expect(leaders.filter(groupIsAlive)).toHaveLength(SERVICES.length);
    expect(await stack.stop()).toBe(0);
    expect(leaders.filter(groupIsAlive)).toEqual([]);
    expect(isAlive(stack.pid)).toBe(false);
  });
});
