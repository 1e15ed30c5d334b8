import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { processTree, totalMb } from '../../bench/support/process-memory.ts';

let parent: ChildProcess | undefined;

afterEach(() => {
  parent?.kill();
});

describe('the memory of a process tree', () => {
  it('has the process first and then what it started, each with what it takes', async () => {
    const grandchild = `setInterval(() => {}, 1e6); console.log('up')`;
    parent = spawn(process.execPath, [
      '-e',
      `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(grandchild)}], { stdio: 'inherit' })`,
    ]);
    if (parent.stdout) await once(parent.stdout, 'data');
    const tree = await processTree(parent.pid ?? 0);
    expect(tree).toHaveLength(2);
    expect(tree[0]?.pid).toBe(parent.pid);
    expect(tree[1]?.command).toContain('up');
    for (const { rssMb, pssMb } of tree) {
      expect(pssMb).toBeGreaterThan(5);
      expect(pssMb).toBeLessThanOrEqual(rssMb * 1.1);
      expect(rssMb).toBeLessThan(500);
    }
    expect(totalMb(tree)).toBeCloseTo((tree[0]?.pssMb ?? 0) + (tree[1]?.pssMb ?? 0));
    const child = tree[1];
    if (child !== undefined) process.kill(child.pid);
  });

  it('is empty for a process that is gone', async () => {
    const gone = spawn(process.execPath, ['-e', '']);
    await once(gone, 'exit');
    expect(await processTree(gone.pid ?? 0)).toEqual([]);
  });
});
