import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { Config } from '../../config/config.ts';
import { blockListOf, isIn } from '../../config/networks.ts';
import { listenError } from '../../listen-error.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Gateway, Line, LineEnd } from '../line.ts';
import { PendingCall } from '../pending-call.ts';
import type { AnnouncedCalls } from './announced-calls.ts';
import { type AudioSocketMessage, AudioSocketReader, hangUpMessage, soundMessage } from './messages.ts';

/** Who connects says at once which call it is. */
const ID_WITHIN_MS = 5_000;
/** Messages of a kind that there is not, after which this is no AudioSocket. */
const MOST_UNKNOWN = 10;
/** After a call's end, for the other side to close the connection. */
const LINGER_MS = 1_000;
/** Connections that are no call (yet), beside as many as there may be calls. */
const SPARE_CONNECTIONS = 16;

export interface AudioSocketServer {
  /** @throws CharlaError `CHARLA_PORT_TAKEN` */
  listen(): Promise<void>;
  /** Takes no more calls. Those that run are the gateway's to end. */
  close(): Promise<void>;
}

export interface AudioSocketParts {
  config: Pick<Config, 'AUDIOSOCKET_HOST' | 'AUDIOSOCKET_ALLOW' | 'MAX_GATEWAY_CALLS'> & {
    AUDIOSOCKET_PORT: number;
  };
  log: Logger;
  gateway: Gateway;
  announced: AnnouncedCalls;
}

/**
 * Takes the calls of Asterisk's AudioSocket: one TCP connection each, on which it says the call's UUID, its sound and the
 * keys that the person presses.
 */
export function createAudioSocketServer(parts: AudioSocketParts): AudioSocketServer {
  const { config, log } = parts;
  const { AUDIOSOCKET_HOST: host, AUDIOSOCKET_PORT: port } = config;
  const allowed = blockListOf(config.AUDIOSOCKET_ALLOW);
  const ids = new Set<string>();
  const server = createServer({ noDelay: true }, (socket) => {
    // Without a listener an error would end the process; «close» follows, and says all that there is to do.
    socket.on('error', (error) => log.debug({ err: error }, 'an AudioSocket broke'));
    const address = socket.remoteAddress ?? '';
    if (!isIn(allowed, address)) {
      log.warn(
        { address },
        'an AudioSocket from an address that AUDIOSOCKET_ALLOW does not name was refused',
      );
      socket.destroy();
      return;
    }
    new Connection(socket, ids, parts);
  });
  server.maxConnections = config.MAX_GATEWAY_CALLS + SPARE_CONNECTIONS;
  return {
    async listen() {
      server.listen(port, host);
      try {
        await once(server, 'listening');
      } catch (error) {
        throw listenError(error, { port, service: 'AudioSocket', variable: 'AUDIOSOCKET_PORT' });
      }
      log.info({ host, port }, 'AudioSocket listens');
    },
    async close() {
      if (!server.listening) return;
      // Not awaited until the calls are over: it waits for each connection.
      server.close();
    },
  };
}

/** One connection, from its UUID to its end. */
class Connection {
  readonly #socket: Socket;
  readonly #ids: Set<string>;
  readonly #parts: AudioSocketParts;
  readonly #reader = new AudioSocketReader();
  readonly #idTimer: NodeJS.Timeout;
  #id: string | undefined;
  readonly #call = new PendingCall();
  #unknown = 0;

  constructor(socket: Socket, ids: Set<string>, parts: AudioSocketParts) {
    this.#socket = socket;
    this.#ids = ids;
    this.#parts = parts;
    this.#idTimer = setTimeout(() => this.#refuse('no UUID came'), ID_WITHIN_MS);
    socket.on('data', (chunk) => {
      for (const message of this.#reader.read(chunk)) this.#take(message);
    });
    // Asterisk closes the connection when its channel hangs up, and may say nothing before.
    socket.on('close', (failed) => {
      clearTimeout(this.#idTimer);
      this.#lineEnded(failed ? 'line_failed' : 'caller_hung_up');
      if (this.#id !== undefined) this.#ids.delete(this.#id);
    });
  }

  #take(message: AudioSocketMessage): void {
    if (this.#call.hasEnded || this.#socket.destroyed) return;
    if (message.type === 'hang-up') {
      this.#lineEnded('caller_hung_up');
      return;
    }
    if (this.#id === undefined) {
      if (message.type === 'id') this.#begin(message.id);
      else this.#refuse('its first message is no UUID');
      return;
    }
    switch (message.type) {
      case 'sound':
        this.#call.receive(message.samples);
        break;
      case 'digit':
        this.#call.digit(message.digit);
        break;
      case 'other-sound':
        this.#parts.log.error(
          'Asterisk sends sound of another rate than 8 kHz; take slin for its AudioSocket',
        );
        this.#lineEnded('line_failed');
        break;
      case 'error':
        this.#parts.log.warn({ code: message.code }, 'Asterisk says that the AudioSocket failed');
        this.#lineEnded('line_failed');
        break;
      default:
        this.#unknown += 1;
        if (this.#unknown >= MOST_UNKNOWN) this.#lineEnded('line_failed');
    }
  }

  #begin(id: string): void {
    clearTimeout(this.#idTimer);
    if (this.#ids.has(id)) {
      this.#refuse('a call with this UUID runs already');
      return;
    }
    this.#ids.add(id);
    this.#id = id;
    const { gateway, announced, log } = this.#parts;
    const { caller = null, called = null, profile, dataTools } = announced.take(id) ?? {};
    const line = new AudioSocketLine(this.#socket, id, { direction: 'inbound', caller, called });
    const options = {
      ...(profile !== undefined && { profile }),
      ...(dataTools !== undefined && { dataTools }),
    };
    gateway.open(line, options).then(
      (call) => this.#call.opened(call),
      (error: unknown) => {
        log.error({ err: error, call: id }, 'a call of Asterisk was not taken');
        hangUp(this.#socket);
      },
    );
  }

  #lineEnded(end: LineEnd): void {
    if (this.#call.hasEnded) return;
    this.#call.end(end);
    if (!this.#call.isOpen) hangUp(this.#socket);
  }

  /** At once, and nothing that still comes is looked at. */
  #refuse(reason: string): void {
    this.#parts.log.warn({ reason }, 'an AudioSocket was refused');
    this.#call.end('line_failed');
    clearTimeout(this.#idTimer);
    this.#socket.destroy();
  }
}

class AudioSocketLine implements Line {
  readonly channel = 'audiosocket';
  readonly callId: string;
  readonly phone: Line['phone'];
  readonly #socket: Socket;

  constructor(socket: Socket, callId: string, phone: Line['phone']) {
    this.#socket = socket;
    this.callId = callId;
    this.phone = phone;
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  send(samples: Int16Array): void {
    if (this.#socket.writable) this.#socket.write(soundMessage(samples));
  }

  async close(): Promise<void> {
    hangUp(this.#socket);
  }
}

/** Ends a call, and the connection: at once where the other side does so too. */
function hangUp(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.writable) socket.end(hangUpMessage());
  setTimeout(() => socket.destroy(), LINGER_MS);
}
