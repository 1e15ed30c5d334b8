/** Kinds of messages of AudioSocket, as Asterisk has them (`res_audiosocket.c`). */
const KIND = { hangUp: 0x00, id: 0x01, digit: 0x03, sound: 0x10, lastSound: 0x18, error: 0xff } as const;
/** Kind, and length of what follows, big-endian. */
const HEADER_BYTES = 3;
const ID_BYTES = 16;

/** What Asterisk says over an AudioSocket. */
export type AudioSocketMessage =
  | { type: 'hang-up' }
  /** Which call it is; first of all. */
  | { type: 'id'; id: string }
  | { type: 'digit'; digit: string }
  /** 16-bit PCM, mono, 8 kHz. */
  | { type: 'sound'; samples: Int16Array }
  /** Sound of another rate, which newer versions may send. */
  | { type: 'other-sound' }
  | { type: 'error'; code: number | undefined }
  /** What no version sends, or of a wrong length. */
  | { type: 'unknown' };

/**
 * Reads messages out of what a connection brings, however it is cut into pieces. Keeps at most one message that is not
 * complete: 64 KiB.
 */
export class AudioSocketReader {
  #rest: Buffer = Buffer.alloc(0);

  read(chunk: Buffer): AudioSocketMessage[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const messages: AudioSocketMessage[] = [];
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + bytes.readUInt16BE(at + 1);
      if (end > bytes.length) break;
      messages.push(messageOf(bytes.readUInt8(at), bytes.subarray(at + HEADER_BYTES, end)));
      at = end;
    }
    // A copy: the rest of a chunk would keep all of it.
    this.#rest = Buffer.from(bytes.subarray(at));
    return messages;
  }
}

/** A message with sound: 16-bit PCM, mono, 8 kHz; little-endian, as is every machine that LiveKit's native library runs on. */
export function soundMessage(samples: Int16Array): Buffer {
  const message = Buffer.allocUnsafe(HEADER_BYTES + samples.length * 2);
  message.writeUInt8(KIND.sound, 0);
  message.writeUInt16BE(samples.length * 2, 1);
  message.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), HEADER_BYTES);
  return message;
}

/** A message that ends the call. */
export function hangUpMessage(): Buffer {
  return Buffer.from([KIND.hangUp, 0, 0]);
}

function messageOf(kind: number, body: Buffer): AudioSocketMessage {
  if (kind === KIND.sound) return { type: 'sound', samples: samplesOf(body) };
  if (kind > KIND.sound && kind <= KIND.lastSound) return { type: 'other-sound' };
  if (kind === KIND.hangUp) return { type: 'hang-up' };
  if (kind === KIND.error) return { type: 'error', code: body[0] };
  if (kind === KIND.id && body.length === ID_BYTES) return { type: 'id', id: uuidOf(body) };
  if (kind === KIND.digit && body.length === 1) return { type: 'digit', digit: body.toString('latin1') };
  return { type: 'unknown' };
}

function samplesOf(body: Buffer): Int16Array {
  // A copy: where the samples stand in a chunk, an Int16Array may not begin.
  return new Int16Array(new Uint8Array(body.subarray(0, body.length & ~1)).buffer);
}

function uuidOf(body: Buffer): string {
  return body.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
