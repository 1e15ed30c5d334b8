import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import type { TestProject } from 'vitest/node';
import { type DevStack, startDevStack } from '../support/dev-stack.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    stack: {
      apiUrl: string;
      inferenceUrl: string;
      livekitUrl: string;
      metricsUrl: string;
      audioSocketPort: number;
    };
  }
}

/** What the stack of the last run printed, to look into after a failure. */
const LOG = join(tmpdir(), 'charla-test-stack.log');

/** One real stack, started as a user would, for all end-to-end tests. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const audioSocketPort = await getPort();
  const stack: DevStack = await startDevStack({ AUDIOSOCKET_PORT: String(audioSocketPort) });
  const { apiUrl, inferenceUrl, livekitUrl, metricsUrl } = stack;
  project.provide('stack', { apiUrl, inferenceUrl, livekitUrl, metricsUrl, audioSocketPort });
  return async () => {
    await stack.stop();
    await writeFile(LOG, stack.output());
  };
}
