/** What every way of fetching takes. */
export interface FetchOptions {
  /** Is told the bytes that are here so far, those of an earlier, interrupted attempt included. */
  onBytes: (received: number) => void;
  /** Bytes are all here; hashing takes a moment for large files. */
  onVerify: () => void;
  signal?: AbortSignal | undefined;
}

/** Why a source could not give its files, as part of a sentence that starts with the source's name. */
export class SourceError extends Error {
  override name = 'SourceError';
}
