import { Worker } from 'node:worker_threads';

/**
 * Starts a worker thread from one of our modules, from the sources (under tsx and vitest) as from the build.
 *
 * @param module - the module's source: `new URL('./name.ts', import.meta.url)`
 */
export function startThread(module: URL, workerData: unknown): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL(module.href.replace(/\.ts$/, '.js')), { workerData });
  }
  // Node 20 does not hand tsx's loader on to a thread's first module, so a line of JavaScript registers it there.
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const boot = `import(${tsx}).then((tsx) => { tsx.register(); return import(${JSON.stringify(module.href)}); });`;
  return new Worker(boot, { eval: true, execArgv: [], workerData });
}
