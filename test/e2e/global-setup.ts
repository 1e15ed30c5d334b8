import type { TestProject } from 'vitest/node';
import { type DevStack, startDevStack } from '../support/dev-stack.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    stack: { apiUrl: string; inferenceUrl: string; livekitUrl: string };
  }
}

/** One real stack, started as a user would, for all end-to-end tests. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stack: DevStack = await startDevStack();
  const { apiUrl, inferenceUrl, livekitUrl } = stack;
  project.provide('stack', { apiUrl, inferenceUrl, livekitUrl });
  return async () => {
    await stack.stop();
  };
}
