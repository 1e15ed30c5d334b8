import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import onnxProto from 'onnx-proto';
import { expect, test } from 'vitest';
import { runConversion } from '../../../src/inference/convert/run-conversion.ts';
import { temporaryFolder } from '../support.ts';

const { ModelProto } = onnxProto.onnx;

async function conversion() {
  const folder = await temporaryFolder();
  const model = join(folder, 'in.onnx');
  const graph = {
    node: [{ opType: 'Identity', input: ['x'], output: ['y'] }],
    input: [{ name: 'x' }],
    output: [{ name: 'y' }],
  };
  await writeFile(model, ModelProto.encode(ModelProto.fromObject({ irVersion: 9, graph })).finish());
  return { kind: 'dequantise-onnx' as const, model, to: join(folder, 'out.onnx') };
}

test('a conversion runs in a thread of its own and tells how far it is', async () => {
  const task = await conversion();
  const shares: number[] = [];
  await runConversion(task, { onProgress: (share) => shares.push(share) });
  expect(shares.at(-1)).toBe(1);
  expect(ModelProto.decode(await readFile(task.to)).graph?.node?.[0]?.opType).toBe('Identity');
});

test('what goes wrong in the thread is told', async () => {
  const task = { ...(await conversion()), model: '/nowhere/in.onnx' };
  await expect(runConversion(task, { onProgress: () => undefined })).rejects.toThrow('/nowhere/in.onnx');
});

test('an aborted conversion ends with the reason', async () => {
  const abort = new AbortController();
  const running = runConversion(await conversion(), { onProgress: () => undefined, signal: abort.signal });
  abort.abort(new Error('stopped by hand'));
  await expect(running).rejects.toThrow('stopped by hand');
});
