import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import alawmulaw from 'alawmulaw';
import { FRAME_SAMPLES } from '../../src/channels/line.ts';
import { Telephone } from './telephone.ts';

/** Ten who call at once on two cores wait for as many processes to start. */
const ANSWER_TIMEOUT_MS = 90_000;
const RESEND_MS = 500;
const HOST = '127.0.0.1';
const RTP_HEADER_BYTES = 12;
const RTP_VERSION = 0x80;

/** A call that was answered. */
export interface SipCall {
  telephone: Telephone;
  /** When the INVITE was sent, and when 200 OK came, ms of `performance.now()`. */
  invitedAt: number;
  answeredAt: number;
  hangUp(): Promise<void>;
}

/**
 * Calls a number over SIP, on this machine. Debian's baresip, the telephone of the tests, tells neither when a message came
 * nor when a sound did; this one does no more than INVITE, ACK and BYE (RFC 3261), over UDP, with μ-law in RTP.
 *
 * @param port - of livekit-sip
 * @throws Error when nobody answers
 */
export async function callBySip(port: number, { from, to }: { from: string; to: string }): Promise<SipCall> {
  const [signals, sound] = [await boundSocket(), await boundSocket()];
  const { telephone, connect } = rtpTelephone(sound);
  const dialog = new Dialog(signals, port, { from, to });
  const close = () => {
    telephone.end();
    for (const socket of [signals, sound]) socket.close();
  };
  try {
    const { invitedAt, answeredAt, media } = await dialog.invite(sound.address().port);
    connect(media);
    return {
      telephone,
      invitedAt,
      answeredAt,
      hangUp: async () => {
        await dialog.bye();
        close();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** One call, as its two ends signal it. */
class Dialog {
  readonly #socket: Socket;
  readonly #port: number;
  readonly #from: string;
  readonly #target: string;
  readonly #callId = randomBytes(8).toString('hex');
  #to: string;
  #sequence = 0;
  #isOver = false;

  constructor(socket: Socket, port: number, { from, to }: { from: string; to: string }) {
    this.#socket = socket;
    this.#port = port;
    this.#from = `<sip:${from}@${this.#own}>;tag=${randomBytes(4).toString('hex')}`;
    this.#target = `sip:${to}@${HOST}:${port}`;
    this.#to = `<${this.#target}>`;
    socket.on('message', (data) => {
      const message = data.toString();
      if (!message.startsWith('BYE ')) return;
      this.#isOver = true;
      const kept = message.split('\r\n').filter((line) => /^(?:Via|From|To|Call-ID|CSeq):/i.test(line));
      this.#send(['SIP/2.0 200 OK', ...kept, 'Content-Length: 0', '', '']);
    });
  }

  /** @param soundPort - where our sound is received @returns where theirs is, and when it all was */
  async invite(soundPort: number) {
    const body = [
      'v=0',
      `o=- 1 1 IN IP4 ${HOST}`,
      's=-',
      `c=IN IP4 ${HOST}`,
      't=0 0',
      `m=audio ${soundPort} RTP/AVP 0`,
      'a=rtpmap:0 PCMU/8000',
      'a=sendrecv',
      '',
    ].join('\r\n');
    const invitedAt = performance.now();
    const answer = await this.#ask('INVITE', body);
    const answeredAt = performance.now();
    this.#to = /^To: *(.+)$/im.exec(answer)?.[1]?.trim() ?? this.#to;
    this.#send(this.#request('ACK', this.#sequence));
    return { invitedAt, answeredAt, media: Number(/^m=audio (\d+)/m.exec(answer)?.[1]) };
  }

  async bye(): Promise<void> {
    if (!this.#isOver) await this.#ask('BYE');
  }

  /** Sends a request until it has its last answer. @throws Error when that is not 200 */
  #ask(method: string, body?: string): Promise<string> {
    this.#sequence += 1;
    const request = this.#request(method, this.#sequence, body);
    return new Promise((resolve, reject) => {
      const end = () => {
        clearInterval(resend);
        clearTimeout(limit);
        this.#socket.off('message', receive);
      };
      const receive = (data: Buffer) => {
        const message = data.toString();
        const status = Number(/^SIP\/2\.0 (\d+)/.exec(message)?.[1]);
        if (Number.isNaN(status) || !new RegExp(`^CSeq: *${this.#sequence} ${method}`, 'im').test(message))
          return;
        clearInterval(resend);
        if (status < 200) return;
        end();
        if (status === 200) resolve(message);
        else reject(new Error(`${method} was answered ${message.split('\r\n', 1)[0]}`));
      };
      const resend = setInterval(() => this.#send(request), RESEND_MS);
      const limit = setTimeout(() => {
        end();
        reject(new Error(`${method} had no answer within ${ANSWER_TIMEOUT_MS} ms`));
      }, ANSWER_TIMEOUT_MS);
      this.#socket.on('message', receive);
      this.#send(request);
    });
  }

  #request(method: string, sequence: number, body = ''): string[] {
    return [
      `${method} ${this.#target} SIP/2.0`,
      `Via: SIP/2.0/UDP ${this.#own};branch=z9hG4bK${randomBytes(8).toString('hex')}`,
      `From: ${this.#from}`,
      `To: ${this.#to}`,
      `Call-ID: ${this.#callId}`,
      `CSeq: ${sequence} ${method}`,
      `Contact: <sip:phone@${this.#own}>`,
      'Max-Forwards: 70',
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ];
  }

  get #own(): string {
    return `${HOST}:${this.#socket.address().port}`;
  }

  #send(lines: readonly string[]): void {
    this.#socket.send(lines.join('\r\n'), this.#port, HOST);
  }
}

/** A telephone whose line is RTP with μ-law (RFC 3550; RFC 3551, payload type 0). */
function rtpTelephone(socket: Socket): { telephone: Telephone; connect: (port: number) => void } {
  let port: number | undefined;
  let sequence = 0;
  const telephone = new Telephone((frame) => {
    const header = Buffer.alloc(RTP_HEADER_BYTES);
    header.writeUInt8(RTP_VERSION, 0);
    header.writeUInt16BE(sequence & 0xffff, 2);
    header.writeUInt32BE((sequence * FRAME_SAMPLES) >>> 0, 4);
    header.writeUInt32BE(1, 8);
    sequence += 1;
    socket.send(Buffer.concat([header, alawmulaw.mulaw.encode(frame)]), port, HOST);
  });
  socket.on('message', (packet) => {
    const contributors = packet.readUInt8(0) & 0x0f;
    telephone.hear(alawmulaw.mulaw.decode(packet.subarray(RTP_HEADER_BYTES + 4 * contributors)));
  });
  return {
    telephone,
    connect: (to) => {
      port = to;
      telephone.begin();
    },
  };
}

async function boundSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, HOST, resolve));
  return socket;
}
