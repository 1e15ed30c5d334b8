import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Telephone } from './telephone.ts';

/** A call that Asterisk connects by `AudioSocket(uuid,host:port)`, with the person who holds the telephone. */
export interface AudioSocketCall {
  readonly id: string;
  readonly telephone: Telephone;
  /** For what Asterisk does not do. */
  readonly socket: Socket;
  /** Why the other side ended it: `hang-up` said so, `closed` did not; undefined while it runs. */
  readonly ended: 'hang-up' | 'closed' | undefined;
  /** Lengths of the messages with sound that came, ms. */
  readonly pieceMs: ReadonlySet<number>;
  press(digits: string): void;
  /** The person hangs up: Asterisk closes the connection. */
  hangUp(): Promise<void>;
}

/**
 * Calls as Asterisk's `app_audiosocket` does: one TCP connection, the UUID first, then 20 ms of signed linear sound at a
 * time, without end. The messages are written here once more, byte by byte as its documentation has them, so that ours are
 * not tested against themselves.
 */
export async function callByAudioSocket(
  port: number,
  { id = randomUUID() }: { id?: string } = {},
): Promise<AudioSocketCall> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  socket.write(Buffer.concat([Buffer.from([0x01, 0x00, 0x10]), Buffer.from(id.replaceAll('-', ''), 'hex')]));
  const telephone = new Telephone((frame) => {
    const body = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
    if (socket.writable)
      socket.write(Buffer.concat([Buffer.from([0x10, body.length >> 8, body.length & 255]), body]));
  });
  let ended: AudioSocketCall['ended'];
  const pieceMs = new Set<number>();
  let bytes: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 3 && bytes.length >= 3 + bytes.readUInt16BE(1)) {
      const [kind] = bytes;
      const body = bytes.subarray(3, 3 + bytes.readUInt16BE(1));
      if (kind === 0x00) ended ??= 'hang-up';
      if (kind === 0x10) {
        pieceMs.add(body.length / 16);
        telephone.hear(
          Int16Array.from({ length: body.length / 2 }, (_, index) => body.readInt16LE(index * 2)),
        );
      }
      bytes = bytes.subarray(3 + body.length);
    }
    // As Asterisk does when it is told to hang up.
    if (ended === 'hang-up') socket.end();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    ended ??= 'closed';
    telephone.end();
  });
  telephone.begin();
  return {
    id,
    telephone,
    socket,
    get ended() {
      return ended;
    },
    pieceMs,
    press(digits) {
      for (const digit of digits) socket.write(Buffer.from([0x03, 0x00, 0x01, digit.charCodeAt(0)]));
    },
    async hangUp() {
      telephone.end();
      if (socket.destroyed) return;
      const closed = once(socket, 'close');
      socket.end();
      await closed;
    },
  };
}
