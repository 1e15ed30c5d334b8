import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { cpuSeconds } from '../../bench/support/process-cpu.ts';

it('processor time grows with what a process and its children do, and stays when a child has ended', async () => {
  const busy = 'const end = process.cpuUsage().user + 300_000; while (process.cpuUsage().user < end);';
  const parent = spawn(process.execPath, [
    '-e',
    `require('node:child_process').execFileSync(process.execPath, ['-e', ${JSON.stringify(busy)}]); console.log('done'); setInterval(() => {}, 1e6)`,
  ]);
  try {
    await once(parent.stdout, 'data');
    const used = await cpuSeconds(parent.pid ?? 0);
    if (existsSync('/proc/self/stat')) expect(used).toBeGreaterThanOrEqual(0.3);
    else expect(used).toBeUndefined();
  } finally {
    parent.kill();
  }
});

it('of a process that is gone nothing is known', async () => {
  const gone = spawn(process.execPath, ['-e', '']);
  await once(gone, 'exit');
  expect(await cpuSeconds(gone.pid ?? 0)).toBeUndefined();
});
