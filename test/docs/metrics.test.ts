import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { loadConfig } from '../../src/config/config.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { createWorkerMetrics } from '../../src/telemetry/worker-metrics.ts';
import { buildTestServer } from '../support/test-server.ts';

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
const log = createLogger('test', 'silent');

const dashboardSchema = z.object({
  panels: z.array(
    z.object({
      id: z.number(),
      title: z.string(),
      targets: z.array(z.object({ expr: z.string() })).default([]),
    }),
  ),
});
const { panels } = dashboardSchema.parse(JSON.parse(await read('deploy/grafana/charla.json')));
const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

/** What worker and serve have at `/metrics`, by name; a histogram is three series. */
async function exposed(): Promise<string[]> {
  const { server } = createWorkerMetrics(loadConfig({}), log, () => 0);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const worker = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`);
  const app = await buildTestServer({ config: loadConfig({}), log });
  const texts = [await worker.text(), (await app.inject('/metrics')).body];
  await app.close();
  server.closeAllConnections();
  server.close();
  return texts.flatMap((text) => [...text.matchAll(/^# TYPE (\w+) \w+$/gm)].map(([, name = '']) => name));
}
const names = await exposed();
const own = names.filter((name) => !/^(process|nodejs)_/.test(name));

/** The names in an expression: without labels, windows, variables and what groups and computes. */
function namesIn(expression: string): string[] {
  const bare = expression
    .replace(/"[^"]*"/g, '')
    .replace(/\{[^}]*\}|\[[^\]]*\]/g, ' ')
    .replace(/\bby \([^)]*\)/g, ' ');
  return (bare.match(/\b[a-z]\w*\b(?!\s*\()/g) ?? []).filter((word) => word !== 'by');
}

it('the dashboard asks for metrics that there are', () => {
  expect(expressions.length).toBeGreaterThan(20);
  for (const expression of expressions) {
    const asked = namesIn(expression).map((name) => name.replace(/_(bucket|sum|count)$/, ''));
    expect(asked.length, expression).toBeGreaterThan(0);
    for (const name of asked) expect(names, expression).toContain(name);
  }
});

it('the dashboard shows every metric of ours, and no panel twice', () => {
  const shown = expressions.flatMap(namesIn).join(' ');
  for (const name of own) expect(shown).toContain(name);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
});

it('docs/metrics.md explains every metric of ours, and none that there is not', async () => {
  const page = await read('docs/metrics.md');
  const explained = [...page.matchAll(/^\| `(\w+)(?:\{([\w,]+)\})?`/gm)].map(([, name = '']) => name);
  expect(new Set(explained.filter((name) => !/^(process|nodejs)_/.test(name)))).toEqual(new Set(own));
});
