import alawmulaw from 'alawmulaw';
import { WebSocket } from 'ws';
import { FRAME_MS, FRAME_SAMPLES } from '../../src/channels/line.ts';
import { PlayoutBuffer } from './playout-buffer.ts';
import type { Telephone } from './telephone.ts';

/** What a server may send over a stream. */
export type SentMessage =
  | { event: 'media'; media: { payload: string } }
  | { event: 'mark'; mark: { name: string } }
  | { event: 'clear' };

export interface CarrierStreamOptions {
  socket: WebSocket;
  /** Hears what is played. */
  telephone: Pick<Telephone, 'hear'>;
  /** Gets every message that comes. */
  received: Record<string, unknown>[];
  /** How the carrier writes a message. @param sequence - 1 for the first */
  write(event: string, sequence: number, body: object): object;
  /** @throws Error for what the carrier does not take */
  read(text: string): SentMessage;
}

/** A media stream at the carrier: numbers its messages, plays what comes in its time, and says which marks were reached. */
export class CarrierStream {
  readonly #options: CarrierStreamOptions;
  readonly #playout = new PlayoutBuffer();
  #sequence = 0;
  #chunk = 0;

  constructor(options: CarrierStreamOptions) {
    this.#options = options;
    options.socket.on('message', (data) => this.#receive(String(data)));
  }

  send(event: string, body: object): void {
    const { socket, write } = this.#options;
    if (socket.readyState !== WebSocket.OPEN) return;
    this.#sequence += 1;
    socket.send(JSON.stringify(write(event, this.#sequence, body)));
  }

  /** Says `stop`, and closes. */
  stop(body: object): void {
    if (this.#options.socket.readyState !== WebSocket.OPEN) return;
    this.send('stop', { stop: body });
    this.#options.socket.close();
  }

  /** Each 20 ms: a piece from the microphone, and one from the playout buffer to the ear. */
  tick(frame: Int16Array): void {
    this.#chunk += 1;
    this.send('media', {
      media: {
        track: 'inbound',
        chunk: String(this.#chunk),
        timestamp: String(this.#chunk * FRAME_MS),
        payload: Buffer.from(alawmulaw.mulaw.encode(frame)).toString('base64'),
      },
    });
    const { sound, marks } = this.#playout.play(FRAME_SAMPLES);
    if (sound.length > 0) this.#options.telephone.hear(alawmulaw.mulaw.decode(sound));
    this.#reached(marks);
  }

  #receive(text: string): void {
    const message = this.#options.read(text);
    this.#options.received.push({ ...message });
    if (message.event === 'media') this.#playout.add(Buffer.from(message.media.payload, 'base64'));
    else if (message.event === 'mark') this.#playout.mark(message.mark.name);
    // What was buffered is not played, and each mark comes back at once.
    else this.#reached(this.#playout.clear());
  }

  #reached(marks: Iterable<string>): void {
    for (const name of marks) this.send('mark', { mark: { name } });
  }
}
