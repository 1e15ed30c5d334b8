import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AnnouncedCalls } from '../../../src/channels/audiosocket/announced-calls.ts';
import {
  type AudioSocketServer,
  createAudioSocketServer,
} from '../../../src/channels/audiosocket/audiosocket-server.ts';
import {
  FRAME_SAMPLES,
  type Gateway,
  type GatewayCall,
  type Line,
  type LineEnd,
} from '../../../src/channels/line.ts';
import { CharlaError } from '../../../src/errors.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import { type AudioSocketCall, callByAudioSocket } from '../../support/audiosocket-carrier.ts';
import { freePort } from '../../support/livekit-server.ts';

/** A call that the gateway took. */
interface Taken {
  line: Line;
  options: Parameters<Gateway['open']>[1];
  samples: number;
  digits: string;
  end: LineEnd | undefined;
}

let taken: Taken[];
let refuse: CharlaError | undefined;
let port: number;
let server: AudioSocketServer;
let announced: AnnouncedCalls;
const calls: AudioSocketCall[] = [];
const sockets: Socket[] = [];

/** Waits until something is so. */
const soon = (look: () => boolean) => vi.waitUntil(look, { timeout: 10_000 });

/** Takes calls, and has no rooms. */
const gateway: Gateway = {
  calls: 0,
  close: async () => undefined,
  async open(line, options) {
    if (refuse !== undefined) throw refuse;
    const call: Taken = { line, options, samples: 0, digits: '', end: undefined };
    taken.push(call);
    const running: GatewayCall = {
      sessionId: 'a-session',
      receive: (samples) => {
        call.samples += samples.length;
      },
      digit: (digit) => {
        call.digits += digit;
      },
      played: () => undefined,
      end: (end) => {
        call.end ??= end;
        void line.close(end);
      },
      ended: new Promise(() => undefined),
    };
    return running;
  },
};

async function serve(allow = ['127.0.0.0/8']): Promise<void> {
  port = await freePort();
  const config = {
    AUDIOSOCKET_PORT: port,
    AUDIOSOCKET_HOST: '127.0.0.1',
    AUDIOSOCKET_ALLOW: allow,
    MAX_GATEWAY_CALLS: 50,
  };
  server = createAudioSocketServer({ config, log: createLogger('test', 'silent'), gateway, announced });
  await server.listen();
}

beforeEach(async () => {
  taken = [];
  refuse = undefined;
  announced = new AnnouncedCalls();
  await serve();
});
afterEach(async () => {
  await Promise.all(calls.splice(0).map((call) => call.hangUp()));
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

async function dial(id?: string): Promise<AudioSocketCall> {
  const call = await callByAudioSocket(port, id === undefined ? {} : { id });
  calls.push(call);
  return call;
}

async function connected(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

const call = (at = 0) => taken[at] as Taken;
const idMessage = (id = randomUUID()) => Buffer.from(`010010${id.replaceAll('-', '')}`, 'hex');
/** Not by `once`, which an error fails: what is refused may be reset. */
const gone = (socket: Socket) => new Promise((resolve) => socket.resume().once('close', resolve));

describe('a call of Asterisk', () => {
  it('reaches the gateway with its sound and its keys', async () => {
    const { id, press } = await dial();
    press('12#');
    await soon(
      () => taken[0] !== undefined && call().samples > 10 * FRAME_SAMPLES && call().digits === '12#',
    );
    expect(call().line).toMatchObject({
      channel: 'audiosocket',
      callId: id,
      phone: { direction: 'inbound', caller: null, called: null },
    });
  });

  it('that was announced has its numbers, profile and data tools, once', async () => {
    const id = randomUUID();
    const about = { caller: '+34600111222', called: '100', profile: 'clinic', dataTools: { name: 'Ana' } };
    announced.add(id.toUpperCase(), about);
    const first = await dial(id);
    await soon(() => taken.length === 1);
    expect(call().line.phone).toEqual({ direction: 'inbound', caller: '+34600111222', called: '100' });
    expect(call().options).toEqual({ profile: 'clinic', dataTools: { name: 'Ana' } });
    await first.hangUp();
    await soon(() => call().end !== undefined);
    await dial(id);
    await soon(() => taken.length === 2);
    expect(call(1).line.phone.caller).toBeNull();
  });

  it('hears what the gateway sends, in pieces of 20 ms', async () => {
    const { telephone, pieceMs } = await dial();
    await soon(() => taken.length === 1);
    for (let count = 0; count < 10; count += 1) call().line.send(new Int16Array(FRAME_SAMPLES).fill(9_000));
    await soon(() => telephone.recording().length === 10 * FRAME_SAMPLES);
    expect(telephone.recording().every((sample) => sample === 9_000)).toBe(true);
    expect([...pieceMs]).toEqual([20]);
  });

  it('is told to hang up, and does', async () => {
    const dialled = await dial();
    await soon(() => taken.length === 1);
    await call().line.close('agent_hung_up');
    await soon(() => dialled.ended === 'hang-up');
  });

  it.each<[string, (socket: Socket) => void, LineEnd]>([
    ['that says so', (socket) => socket.write(Buffer.from([0, 0, 0])), 'caller_hung_up'],
    ['that closes the connection and says nothing', (socket) => socket.end(), 'caller_hung_up'],
    ['whose connection breaks', (socket) => socket.resetAndDestroy(), 'line_failed'],
    ['that says that it failed', (socket) => socket.write(Buffer.from([0xff, 0, 1, 2])), 'line_failed'],
    ['that sends sound of 16 kHz', (socket) => socket.write(Buffer.from([0x12, 0, 2, 1, 1])), 'line_failed'],
    [
      'that sends what there is not, again and again',
      (socket) => socket.write(Buffer.alloc(300, 0x42)),
      'line_failed',
    ],
  ])('%s is over', async (_how, end, expected) => {
    const socket = await connected();
    socket.write(idMessage());
    await soon(() => taken.length === 1);
    // A kind that there is not, with no body: a hundred of them in 300 bytes.
    if (expected === 'line_failed' && _how.startsWith('that sends what')) {
      socket.write(Buffer.concat(Array.from({ length: 20 }, () => Buffer.from([0x42, 0, 0]))));
    }
    end(socket);
    await soon(() => call().end !== undefined);
    expect(call().end).toBe(expected);
  });

  it('that the gateway does not take is hung up', async () => {
    refuse = new CharlaError('CHARLA_CALLS_FULL', { limit: 1 });
    const dialled = await dial();
    await soon(() => dialled.ended === 'hang-up');
  });
});

describe('a bad day', () => {
  it('a connection that begins with something else than a UUID is closed', async () => {
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.from([0x10, 0, 2, 1, 1])]) {
      const socket = await connected();
      // The letters of a request would be a message of 17,748 bytes; it never comes.
      socket.write(Buffer.concat([bytes, Buffer.alloc(66_000)]));
      await gone(socket);
    }
    expect(taken).toEqual([]);
  });

  it('a UUID that comes after something else begins no call', async () => {
    for (const first of [Buffer.from([0x03, 0, 1, 0x31]), Buffer.alloc(3_000, Buffer.from([0x42, 0, 0]))]) {
      const socket = await connected();
      socket.write(Buffer.concat([first, idMessage()]));
      await gone(socket);
    }
    const socket = await connected();
    const closed = gone(socket);
    socket.write(Buffer.from([0x03, 0, 1, 0x31]));
    await new Promise((resolve) => setImmediate(resolve));
    socket.write(idMessage());
    await closed;
    expect(taken).toEqual([]);
  });

  it('a second connection with the UUID of a call that runs is refused; the call goes on', async () => {
    const { id } = await dial();
    await soon(() => taken.length === 1);
    const second = await dial(id);
    await soon(() => second.ended !== undefined);
    expect(taken).toHaveLength(1);
    const before = call().samples;
    await soon(() => call().samples > before + 5 * FRAME_SAMPLES);
  });

  it('messages that come in halves, and many at once, are whole', async () => {
    const socket = await connected();
    const sound = Buffer.concat(
      Array.from({ length: 500 }, () => Buffer.concat([Buffer.from([0x10, 0x01, 0x40]), Buffer.alloc(320)])),
    );
    const bytes = Buffer.concat([idMessage(), sound]);
    socket.write(bytes.subarray(0, 7));
    socket.write(bytes.subarray(7, 1_000));
    await soon(() => taken.length === 1);
    socket.write(bytes.subarray(1_000));
    await soon(() => call().samples > 400 * FRAME_SAMPLES);
    expect(call().end).toBeUndefined();
  });

  it('whatever bytes come on other connections, a call goes on', async () => {
    await dial();
    await soon(() => taken.length === 1);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3_000 }), fc.boolean(), async (bytes, hasId) => {
        const socket = await connected();
        if (hasId) socket.write(idMessage());
        socket.end(bytes);
        await gone(socket);
      }),
      { numRuns: 40 },
    );
    const before = call().samples;
    await soon(() => call().samples > before + 5 * FRAME_SAMPLES);
    expect(call().end).toBeUndefined();
  });
});

describe('who may come', () => {
  it('is whom AUDIOSOCKET_ALLOW names, and nobody else', async () => {
    await server.close();
    await serve(['10.0.0.0/8']);
    const socket = await connected();
    socket.write(idMessage());
    await gone(socket);
    expect(taken).toEqual([]);
  });

  it('a port that is taken is named', async () => {
    const config = {
      AUDIOSOCKET_PORT: port,
      AUDIOSOCKET_HOST: '127.0.0.1',
      AUDIOSOCKET_ALLOW: [],
      MAX_GATEWAY_CALLS: 1,
    };
    const second = createAudioSocketServer({
      config,
      log: createLogger('test', 'silent'),
      gateway,
      announced,
    });
    await expect(second.listen()).rejects.toMatchObject({
      code: 'CHARLA_PORT_TAKEN',
      message: expect.stringContaining('AUDIOSOCKET_PORT'),
    });
  });
});

describe('announcements', () => {
  it('are forgotten after two minutes, and the oldest of more than a thousand', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const kept = new AnnouncedCalls();
      const about = { caller: null, called: null };
      for (let number = 0; number < 1_001; number += 1) kept.add(`call-${number}`, about);
      expect(kept.take('call-0')).toBeUndefined();
      expect(kept.take('call-1')).toEqual(about);
      vi.advanceTimersByTime(121_000);
      expect(kept.take('call-2')).toBeUndefined();
    } finally {
      vi.useRealTimers();
    }
  });
});
