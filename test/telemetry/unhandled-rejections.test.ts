import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { outliveRejections } from '../../src/telemetry/unhandled-rejections.ts';
import { logLines } from '../support/log-lines.ts';

it('a promise that fails unseen is logged without people’s data, counted, and ends nothing', async () => {
  const registry = new Registry();
  const { lines, log } = logLines();
  const others = process.listeners('unhandledRejection');
  const stop = outliveRejections(registry, log);
  const [listener] = process.listeners('unhandledRejection').filter((one) => !others.includes(one));
  // Not emitted: vitest listens too.
  listener?.(new Error('the call of +34600111222 broke'), Promise.resolve());
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('"level":50');
  expect(lines[0]).not.toContain('600111222');
  expect(await registry.metrics()).toContain('unhandled_rejections_total 1');
  stop();
  expect(process.listeners('unhandledRejection')).toEqual(others);
});
