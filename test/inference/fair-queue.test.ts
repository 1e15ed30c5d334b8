import { describe, expect, it } from 'vitest';
import { FairQueue, QueueFullError } from '../../src/inference/fair-queue.ts';

const forever = new AbortController().signal;

function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

describe('FairQueue', () => {
  it('lets clients take turns, and keeps the order of each', async () => {
    const queue = new FairQueue({ concurrency: 1, limit: 10 });
    const { open, opened } = gate();
    const done: string[] = [];
    const job = (name: string) => queue.run(name[0] ?? '', forever, async () => void done.push(name));
    const first = queue.run('z', forever, () => opened);
    const all = ['a1', 'a2', 'a3', 'b1', 'c1', 'b2'].map(job);
    open();
    await Promise.all([first, ...all]);
    expect(done).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  });

  it('runs no more at once than it may', async () => {
    const queue = new FairQueue({ concurrency: 2, limit: 10 });
    let most = 0;
    const jobs = Array.from({ length: 6 }, (_, index) =>
      queue.run(String(index), forever, async () => {
        most = Math.max(most, queue.running);
        await new Promise((resolve) => setImmediate(resolve));
      }),
    );
    await Promise.all(jobs);
    expect(most).toBe(2);
    expect(queue.running).toBe(0);
  });

  it('refuses a job when too many wait', async () => {
    const queue = new FairQueue({ concurrency: 1, limit: 1 });
    const { open, opened } = gate();
    const running = queue.run('a', forever, () => opened);
    const waiting = queue.run('a', forever, async () => 'done');
    await expect(queue.run('b', forever, async () => 'never')).rejects.toBeInstanceOf(QueueFullError);
    open();
    await running;
    expect(await waiting).toBe('done');
  });

  it('never starts a job whose client has gone, and gives its place to the next', async () => {
    const queue = new FairQueue({ concurrency: 1, limit: 2 });
    const { open, opened } = gate();
    const gone = new AbortController();
    let started = false;
    const running = queue.run('a', forever, () => opened);
    const dropped = queue.run('b', gone.signal, async () => {
      started = true;
    });
    const next = queue.run('c', forever, async () => 'next');
    gone.abort(new Error('gone'));
    await expect(dropped).rejects.toThrow('gone');
    expect(queue.waiting).toBe(1);
    open();
    await running;
    expect(await next).toBe('next');
    expect(started).toBe(false);
  });

  it('goes on after a job that fails', async () => {
    const queue = new FairQueue({ concurrency: 1, limit: 2 });
    await expect(queue.run('a', forever, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await queue.run('a', forever, async () => 'yes')).toBe('yes');
  });
});
