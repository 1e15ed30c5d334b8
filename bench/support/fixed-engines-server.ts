import { parseArgs } from 'node:util';
import { endWithSupervisor, isSupervised } from '../../src/cli/dev/end-with-supervisor.ts';
import { startFixedEngines } from '../../test/support/fixed-engines.ts';

/*
 * The engines with fixed delays in a process of their own: beside the callers they would wait for each other's event
 * loop.
 */
if (isSupervised()) endWithSupervisor();
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    transcript: { type: 'string', default: '' },
    answer: { type: 'string', default: '' },
  },
});
await startFixedEngines({ port: Number(values.port), transcript: values.transcript, answer: values.answer });
