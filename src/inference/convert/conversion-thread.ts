import { parentPort, workerData } from 'node:worker_threads';
import type { Conversion } from '../catalogue.ts';
import { dequantiseOnnx } from './dequantise-onnx.ts';
import { whisperToGgml } from './whisper-to-ggml.ts';

/** Thread of one conversion; posts the share done, at most once a percent. */
const conversion = workerData as Conversion;
let told = 0;
const onProgress = (share: number) => {
  if (share - told < 0.01) return;
  told = share;
  parentPort?.postMessage(share);
};

switch (conversion.kind) {
  case 'whisper-to-ggml':
    whisperToGgml(conversion, conversion.to, onProgress);
    break;
  case 'dequantise-onnx':
    dequantiseOnnx(conversion.model, conversion.to, onProgress);
    break;
}
