import websocket from '@fastify/websocket';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TWILIO_PATHS } from '../../../src/channels/carrier-paths.ts';
import { type GatewayCall, LINE_RATE, type Line, type LineEnd } from '../../../src/channels/line.ts';
import { createTwilioCalls } from '../../../src/channels/twilio/twilio-calls.ts';
import { CharlaError } from '../../../src/errors.ts';
import { logLines } from '../../support/log-lines.ts';
import { TWILIO_SID, TWILIO_TOKEN, TwilioCarrier } from '../../support/twilio-carrier.ts';

/** A call of the gateway below: its line, and what came over it. */
interface Opened {
  line: Line;
  profile: string | undefined;
  heard: number[];
  digits: string;
  played: string[];
  end(end: LineEnd): void;
}

/** A gateway without rooms. */
function bareGateway() {
  const opened: Opened[] = [];
  const ends: LineEnd[] = [];
  return {
    opened,
    ends,
    refuse: undefined as Error | undefined,
    calls: 0,
    async open(line: Line, { profile }: { profile?: string } = {}): Promise<GatewayCall> {
      if (this.refuse !== undefined) throw this.refuse;
      let over: (end: LineEnd) => void = () => undefined;
      const ended = new Promise<LineEnd>((resolve) => {
        over = resolve;
      });
      let isOver = false;
      const call: Opened = {
        line,
        profile,
        heard: [],
        digits: '',
        played: [],
        end(end) {
          if (isOver) return;
          isOver = true;
          ends.push(end);
          void line.close(end).then(() => over(end));
        },
      };
      opened.push(call);
      return {
        sessionId: 'one',
        receive: (samples) => void call.heard.push(...samples),
        digit: (digit) => {
          call.digits += digit;
        },
        played: (name) => void call.played.push(name),
        end: call.end,
        ended,
      };
    },
    async close() {},
  };
}

let carrier: TwilioCarrier;
let app: FastifyInstance;
let gateway: ReturnType<typeof bareGateway>;
let lines: string[];

beforeEach(async () => {
  carrier = await TwilioCarrier.start();
  gateway = bareGateway();
  const logged = logLines();
  lines = logged.lines;
  app = Fastify();
  await app.register(websocket);
  const config = {
    PUBLIC_URL: 'https://voice.example',
    TWILIO_ACCOUNT_SID: TWILIO_SID,
    TWILIO_AUTH_TOKEN: TWILIO_TOKEN,
    TWILIO_API_URL: carrier.env('').TWILIO_API_URL,
    LANGUAGE: 'es' as const,
    LIVEKIT_API_SECRET: 'a-secret-of-the-tests-on-loopback-only',
    MAX_GATEWAY_CALLS: 2,
  };
  const calls = createTwilioCalls({ config, gateway, log: logged.log });
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) => done(null, text));
  app.post('/api/v1/twilio/*', async (request, reply) => {
    const form = Object.fromEntries(new URLSearchParams(String(request.body))) as { CallSid: string };
    const { profile } = request.query as { profile?: string };
    return reply.type('text/xml').send(await calls.answer({ ...form, profile }));
  });
  app.get(TWILIO_PATHS.mediaStream, { websocket: true }, (socket) => calls.takeStream(socket));
  carrier.use(await app.listen({ host: '127.0.0.1', port: 0 }), 'https://voice.example');
});
afterEach(async () => {
  await carrier.stop();
  await app.close();
});

/** A call whose line is open. */
async function begun(options: Parameters<TwilioCarrier['call']>[0] = {}) {
  const call = await carrier.call(options);
  const opened = await vi.waitFor(() => {
    const newest = gateway.opened.at(-1);
    if (newest === undefined) throw new Error('no line yet');
    return newest;
  });
  return { call, ...opened, opened };
}

describe('the line of a call at Twilio', () => {
  it('carries sound both ways as 8 kHz μ-law, keys, and marks when what came before them was played', async () => {
    const { call, line, opened } = await begun();
    const tone = Int16Array.from({ length: 160 }, (_, index) =>
      Math.round(8_000 * Math.sin((2 * Math.PI * 400 * index) / LINE_RATE)),
    );
    for (let count = 0; count < 5; count += 1) line.send(tone);
    line.mark?.('told');
    expect(opened.played).toEqual([]);
    await vi.waitFor(() => expect(opened.played).toEqual(['told']), 5_000);
    const heard = call.telephone.recording();
    expect(heard.length).toBe(5 * 160);
    for (const [index, sample] of heard.subarray(0, 160).entries())
      expect(Math.abs(sample - (tone[index] ?? 0))).toBeLessThan(300);

    await call.telephone.say(tone);
    await vi.waitFor(() => expect(Math.max(...opened.heard)).toBeGreaterThan(7_500), 5_000);
    for (const key of '12#') call.press(key);
    await vi.waitFor(() => expect(opened.digits).toBe('12#'), 5_000);
    expect(line.phone).toEqual({ direction: 'inbound', caller: '+34600111222', called: '+34911234567' });
    // Twilio's streams have no message for keys.
    expect(line.sendDigits).toBeUndefined();
  });

  it('throws away what was not played yet, and says so of the marks in it', async () => {
    const { call, line, opened } = await begun();
    for (let count = 0; count < 500; count += 1) line.send(new Int16Array(160).fill(4_000));
    line.mark?.('end');
    line.clear?.();
    await vi.waitFor(() => expect(opened.played).toEqual(['end']), 5_000);
    expect(call.telephone.recording().length).toBeLessThan(400 * 160);
  });

  it('has its profile from the address of the webhook', async () => {
    expect((await begun({ query: '?profile=ventas' })).profile).toBe('ventas');
  });

  it('gives the call to another number; that is no hang-up, and who reaches nobody there comes back', async () => {
    const { call, line } = await begun({ query: '?profile=ventas', dialled: 'no-answer' });
    await line.transfer?.('+34900111222', { ringSeconds: 20 });
    expect(call.dialled).toEqual(['+34900111222']);
    await vi.waitFor(() => expect(gateway.opened).toHaveLength(2), 5_000);
    expect(gateway.ends).toEqual([]);
    expect(gateway.opened[1]?.profile).toBe('ventas');
    expect(call.status).toBe('in-progress');
  });

  it('is over after a transfer that somebody answered', async () => {
    const { call, line, opened } = await begun({ dialled: 'completed' });
    await line.transfer?.('sip:200@pbx.example', { ringSeconds: 20 });
    await call.over;
    expect(call.dialled).toEqual(['sip:200@pbx.example']);
    expect(call.twiml[1]).toContain('<Sip>');
    expect(call.twiml[1]).toContain('timeout="20"');
    opened.end('transferred');
    expect(carrier.updates).toHaveLength(1);
  });

  it('tells of a transfer that Twilio refuses, without the number', async () => {
    const { call, line } = await begun();
    await call.hangUp();
    const refused = line.transfer?.('+34900111222', { ringSeconds: 20 });
    await expect(refused).rejects.toMatchObject({ code: 'CHARLA_CARRIER_FAILED' });
    await expect(refused).rejects.toThrow(/error 21220/);
    expect(lines.join('')).not.toContain('900111222');
  });

  it('ends the call at Twilio when we hang up, and asks nothing of it when the caller did', async () => {
    const mine = await begun();
    mine.opened.end('agent_hung_up');
    await mine.call.over;
    expect(carrier.updates).toEqual([{ callSid: mine.call.sid, form: { Status: 'completed' } }]);

    const theirs = await begun();
    await theirs.call.hangUp();
    await vi.waitFor(() => expect(gateway.ends).toContain('caller_hung_up'), 5_000);
    expect(carrier.updates).toHaveLength(1);
  });

  it('has Twilio apologise when the room is lost, and when all lines are busy', async () => {
    const { call, opened } = await begun();
    opened.end('room_failed');
    await call.over;
    expect(call.said[0]?.text).toMatch(/problema/);

    gateway.refuse = new CharlaError('CHARLA_CALLS_FULL', { limit: 2 });
    const late = await carrier.call();
    await late.over;
    expect(late.said[0]?.text).toMatch(/ocupadas/);
    gateway.calls = 2;
    const later = await carrier.call();
    expect(later.said[0]?.text).toMatch(/ocupadas/);
    expect(later.socket).toBeUndefined();
  });
});
