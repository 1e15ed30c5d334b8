import { CharlaError, ERRORS, type ErrorCode, messageOf } from '../../errors.ts';
import type { EngineName, EngineOptions } from './engine.ts';

/** What travels between the server's thread and an engine's. Requests, chunks and results are the engine's own. */
export type ToWorker =
  | { kind: 'run'; id: number; request: unknown }
  | { kind: 'cancel'; id: number }
  | { kind: 'hold'; id: number; on: boolean }
  | { kind: 'dispose' };

export type FromWorker =
  | { kind: 'ready'; concurrency: number; loadMs: number }
  | { kind: 'chunk'; id: number; chunk: unknown }
  | { kind: 'done'; id: number; result: unknown }
  | { kind: 'error'; id: number; error: PortableError }
  | { kind: 'failed'; error: PortableError }
  | { kind: 'disposed' };

export interface WorkerData {
  engine: EngineName;
  options: EngineOptions;
}

/** An error as structured cloning can carry it: classes and their own fields do not survive the way. */
export interface PortableError {
  code: ErrorCode;
  fields: Record<string, string | number>;
}

/** @param id - the model, named where the error is none of the catalogue's */
export function toPortable(error: unknown, id: string): PortableError {
  if (error instanceof CharlaError) return { code: error.code, fields: { ...error.fields } };
  const reason = messageOf(error);
  return { code: 'CHARLA_MODEL_FAILED', fields: { id, reason } };
}

export function fromPortable({ code, fields }: PortableError): CharlaError {
  return new CharlaError(code in ERRORS ? code : 'CHARLA_INTERNAL', fields);
}
