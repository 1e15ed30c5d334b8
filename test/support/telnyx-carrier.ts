import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { FRAME_SAMPLES, LINE_RATE } from '../../src/channels/line.ts';
import { CarrierStream } from './carrier-stream.ts';
import { Telephone } from './telephone.ts';

export const TELNYX_API_KEY = 'KEY0123456789-of-the-tests';
const WEBHOOK = '/api/v1/telnyx/call-control';

/** A command to the REST API: `POST /v2/calls/{call}/actions/{action}`. */
export interface TelnyxCommand {
  call: string;
  action: string;
  body: Record<string, unknown>;
}

/** What the REST API answers instead of obeying, for the next commands of a kind. */
export interface TelnyxFault {
  action: string;
  /** 0 answers nothing, and drops the connection. */
  status: number;
  times?: number;
}

export interface TelnyxCallOptions {
  from?: string;
  to?: string;
  /** Of the webhook's address: `?profile=…`. */
  query?: string;
  /** What becomes of a transfer. @defaultValue no_answer */
  transferred?: 'answered' | 'no_answer' | 'user_busy';
  /** What the stream says that its sound is. @defaultValue PCMU */
  encoding?: string;
}

/** What a webhook was answered. */
export interface TelnyxAnswer {
  status: number;
  body: unknown;
}

const commandSchema = z.looseObject({
  command_id: z.string().optional(),
  client_state: z.base64().optional(),
});
const answerSchema = commandSchema.extend({
  stream_url: z.url({ protocol: /^wss?$/ }),
  stream_track: z.literal('inbound_track'),
  stream_codec: z.literal('PCMU'),
  stream_bidirectional_mode: z.literal('rtp'),
  stream_bidirectional_codec: z.literal('PCMU'),
  stream_bidirectional_target_legs: z.literal('self'),
});
const transferSchema = commandSchema.extend({
  to: z.string().min(1),
  timeout_secs: z.number().min(5).max(600),
  target_leg_client_state: z.base64().optional(),
});
const speakSchema = commandSchema.extend({
  payload: z.string().min(1),
  voice: z.string().min(1),
  language: z.string(),
});

/**
 * Stands for Telnyx, after its API reference of Call Control, of webhooks and of «Stream call media over WebSocket»: signs its
 * webhooks (Ed25519), obeys the commands of its REST API, opens the stream of a call that was answered, plays what it gets
 * and sends what the caller says.
 */
export class TelnyxCarrier {
  /** What was asked by REST, in order, repetitions too. */
  readonly commands: TelnyxCommand[] = [];
  readonly calls = new Map<string, TelnyxCall>();
  readonly #api: FastifyInstance;
  readonly #keys = generateKeyPairSync('ed25519');
  #faults: Required<TelnyxFault>[] = [];
  /** Ids of commands that were obeyed. */
  #obeyed = new Set<string>();
  #server = { address: '', publicUrl: '' };
  readonly #posts = new Set<Promise<unknown>>();

  private constructor(api: FastifyInstance) {
    this.#api = api;
  }

  /** With an API on loopback; {@link TelnyxCarrier.use} says whom it calls. */
  static async start(): Promise<TelnyxCarrier> {
    const carrier = new TelnyxCarrier(Fastify());
    carrier.#answerApi();
    await carrier.#api.listen({ host: '127.0.0.1', port: 0 });
    return carrier;
  }

  /** As Mission Control shows it. */
  get publicKey(): string {
    const { x = '' } = this.#keys.publicKey.export({ format: 'jwk' });
    return Buffer.from(x, 'base64url').toString('base64');
  }

  /** What a server that it calls is configured with. */
  env(publicUrl: string): Record<string, string> {
    const { port } = this.#api.server.address() as AddressInfo;
    return {
      TELNYX_API_KEY,
      TELNYX_PUBLIC_KEY: this.publicKey,
      TELNYX_API_URL: `http://127.0.0.1:${port}/v2`,
      PUBLIC_URL: publicUrl,
    };
  }

  /** @param address - of the server @param publicUrl - as it is configured */
  use(address: string, publicUrl = address): void {
    this.#server = { address, publicUrl };
  }

  /** Where an address of the server's public ones is in truth. */
  local(url: string): string {
    const { address, publicUrl } = this.#server;
    return url.replace(publicUrl.replace(/^http/, 'ws'), address.replace(/^http/, 'ws'));
  }

  fail({ action, status, times = Number.POSITIVE_INFINITY }: TelnyxFault): void {
    this.#faults.push({ action, status, times });
  }

  /** Forgets faults and commands. */
  reset(): void {
    this.#faults = [];
    this.commands.length = 0;
  }

  /** The headers that Telnyx sends with a body. @param timestamp - s since the epoch */
  signature(body: string, timestamp = Math.floor(Date.now() / 1000)): Record<string, string> {
    const signed = sign(null, Buffer.from(`${timestamp}|${body}`), this.#keys.privateKey);
    return { 'telnyx-timestamp': String(timestamp), 'telnyx-signature-ed25519': signed.toString('base64') };
  }

  /** The body of a webhook. */
  event(
    event_type: string,
    payload: object,
    { id = randomUUID(), attempt = 1 }: { id?: string; attempt?: number } = {},
  ): string {
    const delivered_to = `${this.#server.publicUrl}${WEBHOOK}`;
    return JSON.stringify({
      data: { event_type, id, occurred_at: new Date().toISOString(), payload, record_type: 'event' },
      meta: { attempt, delivered_to },
    });
  }

  /** Sends a webhook. */
  async post(body: string, headers = this.signature(body), query = ''): Promise<TelnyxAnswer> {
    const post = fetch(`${this.#server.address}${WEBHOOK}${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    }).then(async (response) => ({ status: response.status, body: (await response.json()) as unknown }));
    this.#posts.add(post);
    return post.finally(() => this.#posts.delete(post));
  }

  /** Somebody calls a number of ours; resolves when the webhook was answered. */
  async call(options: TelnyxCallOptions = {}): Promise<TelnyxCall> {
    const call = new TelnyxCall(this, options);
    this.calls.set(call.id, call);
    await call.begin();
    return call;
  }

  /** Every caller hangs up; resolves when all webhooks were answered. */
  async hangUpAll(): Promise<void> {
    await Promise.all([...this.calls.values()].map((call) => call.hangUp()));
    this.calls.clear();
    await Promise.allSettled(this.#posts);
  }

  async stop(): Promise<void> {
    await this.hangUpAll();
    await this.#api.close();
  }

  #answerApi(): void {
    const paramsSchema = z.object({ call: z.string(), action: z.string() });
    this.#api.post('/v2/calls/:call/actions/:action', async (request, reply) => {
      const refuse = (status: number, code: string, title: string) =>
        reply.code(status).send({ errors: [{ code, title, detail: title }] });
      if (request.headers.authorization !== `Bearer ${TELNYX_API_KEY}`)
        return refuse(401, '10009', 'Authentication failed');
      const { call: id, action } = paramsSchema.parse(request.params);
      const body = commandSchema.parse(request.body ?? {});
      this.commands.push({ call: id, action, body });
      const fault = this.#faults.find((one) => one.action === action && one.times > 0);
      if (fault !== undefined) {
        fault.times -= 1;
        if (fault.status === 0) return request.raw.socket.destroy();
        return refuse(fault.status, '10007', 'Unexpected error');
      }
      const call = this.calls.get(id);
      if (call === undefined) return refuse(404, '10005', 'Resource not found');
      if (call.status === 'over') return refuse(422, '90018', 'Call has already ended');
      const once = `${id} ${body.command_id}`;
      if (body.command_id === undefined || !this.#obeyed.has(once)) {
        this.#obeyed.add(once);
        call.obey(action, body);
      }
      return reply.send({ data: { result: 'ok' } });
    });
  }
}

/** A call at Telnyx, with the telephone of whoever calls. */
export class TelnyxCall {
  readonly id = `v3:${randomUUID()}`;
  readonly session = randomUUID();
  readonly telephone = new Telephone((frame) => this.#media?.tick(frame));
  /** Sentences of Telnyx's own voice. */
  readonly said: { language: string; text: string }[] = [];
  /** Keys that the agent pressed. */
  readonly keys: string[] = [];
  /** Numbers that the call was given to. */
  readonly dialled: string[] = [];
  /** Every message that came over the stream. */
  readonly received: Record<string, unknown>[] = [];
  status: 'parked' | 'answered' | 'bridged' | 'over' = 'parked';
  /** Who ended it. */
  endedBy: 'caller' | 'command' | undefined;
  socket: WebSocket | undefined;
  closed: { code: number; reason: string } | undefined;
  readonly #carrier: TelnyxCarrier;
  readonly #options: Required<TelnyxCallOptions>;
  readonly #streamId = randomUUID();
  #media: CarrierStream | undefined;
  #clientState: string | null = null;
  #ended: Promise<void> | undefined;

  constructor(carrier: TelnyxCarrier, options: TelnyxCallOptions) {
    this.#carrier = carrier;
    this.#options = {
      from: '+34600111222',
      to: '+34911234567',
      query: '',
      transferred: 'no_answer',
      encoding: 'PCMU',
      ...options,
    };
  }

  /** What every webhook of this call says. */
  payload(more: object = {}): object {
    const { from, to } = this.#options;
    return {
      call_control_id: this.id,
      call_leg_id: this.session,
      call_session_id: this.session,
      client_state: this.#clientState,
      connection_id: '7267xxxxxxxxxxxxxx',
      from,
      to,
      ...more,
    };
  }

  async begin(): Promise<void> {
    await this.#tell('call.initiated', { direction: 'incoming', state: 'parked' });
  }

  /** Carries out a command, after its answer. */
  obey(action: string, body: z.output<typeof commandSchema>): void {
    this.#clientState = body.client_state ?? this.#clientState;
    void sleep(1).then(() => this.#obey(action, body));
  }

  press(digit: string): void {
    this.#media?.send('dtmf', { occurred_at: new Date().toISOString(), dtmf: { digit } });
    void this.#tell('call.dtmf.received', { digit });
  }

  /** Sends any text over the stream. */
  sendRaw(text: string): void {
    this.socket?.send(text);
  }

  async hangUp(): Promise<void> {
    await this.#end('caller');
  }

  async #obey(action: string, body: object): Promise<void> {
    switch (action) {
      case 'answer':
        this.status = 'answered';
        await this.#tell('call.answered', {});
        await this.#stream(answerSchema.parse(body).stream_url);
        break;
      case 'reject':
      case 'hangup':
        await this.#end('command');
        break;
      case 'send_dtmf':
        this.keys.push(z.object({ digits: z.string() }).parse(body).digits);
        break;
      case 'speak': {
        const { payload, language } = speakSchema.parse(body);
        this.said.push({ language, text: payload });
        await this.#tell('call.speak.started', {});
        await this.#tell('call.speak.ended', { status: 'completed' });
        break;
      }
      case 'streaming_stop':
        this.#stopStream();
        await this.#tell('streaming.stopped', {});
        break;
      case 'transfer':
        await this.#transfer(transferSchema.parse(body));
        break;
      default:
        throw new Error(`a command that it does not know: ${action}`);
    }
  }

  async #transfer({ to, target_leg_client_state }: z.output<typeof transferSchema>): Promise<void> {
    this.dialled.push(to);
    const leg = { call_control_id: `v3:${randomUUID()}`, to, client_state: target_leg_client_state ?? null };
    await this.#tell('call.initiated', { ...leg, direction: 'outgoing', state: 'bridging' });
    const { transferred } = this.#options;
    if (transferred === 'answered') {
      this.status = 'bridged';
      await this.#tell('call.answered', leg);
      await this.#tell('call.bridged', leg);
      await this.#tell('call.bridged', {});
    } else {
      await this.#tell('call.hangup', { ...leg, hangup_cause: transferred, hangup_source: 'callee' });
    }
  }

  #end(by: 'caller' | 'command'): Promise<void> {
    this.#ended ??= this.#endNow(by);
    return this.#ended;
  }

  async #endNow(by: 'caller' | 'command'): Promise<void> {
    this.status = 'over';
    this.endedBy = by;
    this.telephone.end();
    const hadStream = this.socket !== undefined;
    this.#stopStream();
    const cause = { hangup_cause: 'normal_clearing', hangup_source: by === 'caller' ? 'caller' : 'unknown' };
    // The server may have gone before.
    await this.#tell('call.hangup', cause).catch(() => undefined);
    if (hadStream) await this.#tell('streaming.stopped', {}).catch(() => undefined);
  }

  async #tell(type: string, more: object): Promise<void> {
    await this.send(type, more);
  }

  /** Sends a webhook of this call. */
  async send(
    type: string,
    more: object = {},
    options: { id?: string; attempt?: number } = {},
  ): Promise<TelnyxAnswer> {
    const body = this.#carrier.event(type, this.payload(more), options);
    return this.#carrier.post(body, this.#carrier.signature(body), this.#options.query);
  }

  async #stream(url: string): Promise<void> {
    const socket = new WebSocket(this.#carrier.local(url), {
      headers: { 'user-agent': 'telnyx-media-streaming' },
    });
    this.socket = socket;
    let wasOpen = false;
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.telephone.end();
      if (this.status === 'over') return;
      void this.#tell(wasOpen ? 'streaming.stopped' : 'streaming.failed', {
        failure_reason: 'connection_failed',
      }).catch(() => undefined);
    });
    // Its end follows.
    socket.on('error', () => undefined);
    const media = new CarrierStream({
      socket,
      telephone: this.telephone,
      received: this.received,
      write: (event, sequence, body) => ({
        event,
        sequence_number: String(sequence),
        stream_id: this.#streamId,
        ...body,
      }),
      read: (text) => {
        const message = sentSchema.safeParse(JSON.parse(text)).data;
        if (message !== undefined) return message;
        const payload = { code: 100003, title: 'malformed_frame', detail: 'Malformed frame' };
        media.send('error', { payload });
        throw new Error(`a message that Telnyx does not take: ${text}`);
      },
    });
    this.#media = media;
    const opened = await once(socket, 'open').catch(() => undefined);
    if (opened === undefined) return;
    wasOpen = true;
    socket.send(JSON.stringify({ event: 'connected', version: '1.0.0' }));
    const { from, to, encoding } = this.#options;
    media.send('start', {
      start: {
        user_id: '3e6f995f-85f7-4705-9741-53b116d28237',
        call_control_id: this.id,
        call_session_id: this.session,
        from,
        to,
        tags: [],
        client_state: this.#clientState,
        media_format: { encoding, sample_rate: 8000, channels: 1 },
      },
    });
    this.telephone.begin();
    await this.#tell('streaming.started', { stream_url: url });
  }

  #stopStream(): void {
    this.telephone.end();
    this.#media?.stop({ user_id: '3e6f995f-85f7-4705-9741-53b116d28237', call_control_id: this.id });
  }
}

/** Sound of 20 ms to 30 s at a time. */
const payloadSchema = z.base64().refine((text) => {
  const { length } = Buffer.from(text, 'base64');
  return length >= FRAME_SAMPLES && length <= 30 * LINE_RATE;
});
/** What Telnyx takes over the stream. */
const sentSchema = z.discriminatedUnion('event', [
  z.strictObject({ event: z.literal('media'), media: z.strictObject({ payload: payloadSchema }) }),
  z.strictObject({ event: z.literal('mark'), mark: z.strictObject({ name: z.string().min(1) }) }),
  z.strictObject({ event: z.literal('clear') }),
]);
