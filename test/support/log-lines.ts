import { Writable } from 'node:stream';
import { createLogger } from '../../src/telemetry/log.ts';

/** A logger whose lines can be read. */
export function logLines(level = 'info') {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  return { lines, log: createLogger('test', level, stream) };
}
