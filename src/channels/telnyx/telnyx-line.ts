import { CharlaError } from '../../errors.ts';
import { TOO_LATE, within } from '../../within.ts';
import type { Line, LineEnd } from '../line.ts';
import type { StreamLine } from '../media-stream.ts';
import type { StreamCall } from '../stream-tokens.ts';
import type { TelnyxApi } from './telnyx-api.ts';

/** Telnyx tells what became of a transfer within this long after the last ring, ms. */
const TRANSFER_MS = 10_000;

export interface TelnyxLineParts {
  stream: StreamLine;
  api: TelnyxApi;
  /** Ends the call, unless Telnyx said that it is over. */
  hangUp(): Promise<void>;
  /** Somebody else has the call now: whatever becomes of its stream, it goes on. */
  givenAway(): void;
  /** Says that the call cannot go on, and ends it. */
  apologise(): Promise<void>;
}

/** One call at Telnyx: its sound goes over the stream, everything else through the REST API. */
export class TelnyxLine implements Line {
  readonly channel = 'telnyx';
  readonly callId: string;
  readonly phone: Line['phone'];
  readonly #parts: TelnyxLineParts;
  readonly #stream: StreamLine;
  #transferEnds: ((refusal?: string) => void) | undefined;

  constructor({ callId, phone }: StreamCall, parts: TelnyxLineParts) {
    this.callId = callId;
    this.phone = phone;
    this.#parts = parts;
    this.#stream = parts.stream;
  }

  get bufferedBytes(): number {
    return this.#stream.bufferedBytes;
  }

  send(samples: Int16Array): void {
    this.#stream.send(samples);
  }

  clear(): void {
    this.#stream.clear();
  }

  mark(name: string): void {
    this.#stream.mark(name);
  }

  sendDigits(digits: string): Promise<void> {
    return this.#parts.api.sendDigits(this.callId, digits);
  }

  /** Resolves when somebody answered there; until then, and if nobody does, the agent has the call. */
  async transfer(to: string, { ringSeconds }: { ringSeconds: number }): Promise<void> {
    if (this.#transferEnds !== undefined) throw refused('another one is going on');
    const done = new Promise<string | undefined>((resolve) => {
      this.#transferEnds = resolve;
    });
    try {
      await this.#parts.api.transfer(this.callId, to, { ringSeconds });
      const refusal = await within(ringSeconds * 1000 + TRANSFER_MS, done);
      if (refusal === TOO_LATE) throw refused('nobody said what became of it');
      if (refusal !== undefined) throw refused(refusal);
      this.#parts.givenAway();
    } finally {
      this.#transferEnds = undefined;
    }
  }

  /** What became of a transfer. @param refusal - undefined: the two are connected */
  transferEnded(refusal?: string): void {
    this.#transferEnds?.(refusal);
  }

  async close(end: LineEnd): Promise<void> {
    this.transferEnded('the call ended');
    try {
      if (end === 'transferred') await this.#parts.api.stopStream(this.callId);
      else if (end === 'room_failed') await this.#parts.apologise();
      else await this.#parts.hangUp();
    } finally {
      this.#stream.hangUp();
    }
  }
}

function refused(reason: string): CharlaError {
  return new CharlaError('CHARLA_CARRIER_FAILED', { carrier: 'Telnyx', command: 'transfer', reason });
}
