import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import formbody from '@fastify/formbody';
import Fastify, { type FastifyInstance } from 'fastify';
import twilio from 'twilio';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { CarrierStream } from './carrier-stream.ts';
import { Telephone } from './telephone.ts';

export const TWILIO_SID = `AC${'0123456789abcdef'.repeat(2)}`;
export const TWILIO_TOKEN = 'auth-token-of-the-tests';
const WEBHOOK = '/api/v1/twilio/incoming-call';
const STATUS = '/api/v1/twilio/status';

/** What Twilio was asked by its REST API: `POST …/Calls/{sid}.json`. */
export interface TwilioUpdate {
  callSid: string;
  form: Record<string, string>;
}

export interface TwilioCallOptions {
  from?: string;
  to?: string;
  /** Of the webhook's address: `?profile=…`. */
  query?: string;
  /** What becomes of a number that the call is given to. @defaultValue no-answer */
  dialled?: 'completed' | 'no-answer' | 'busy' | 'failed';
}

/**
 * Stands for Twilio, after its documents of webhooks, TwiML, media streams and the resource «Call»: signs what it sends by
 * its own SDK, carries out the TwiML that it gets, and answers its REST API.
 */
export class TwilioCarrier {
  /** What was asked by REST, in order. */
  readonly updates: TwilioUpdate[] = [];
  readonly calls = new Map<string, TwilioCall>();
  readonly #api: FastifyInstance;
  #server = { address: '', publicUrl: '' };

  private constructor(api: FastifyInstance) {
    this.#api = api;
  }

  /** With an API on loopback; {@link TwilioCarrier.use} says whom it calls. */
  static async start(): Promise<TwilioCarrier> {
    const api = Fastify();
    await api.register(formbody);
    const carrier = new TwilioCarrier(api);
    carrier.#answerApi();
    await api.listen({ host: '127.0.0.1', port: 0 });
    return carrier;
  }

  /** What a server that it calls is configured with. */
  env(publicUrl: string): Record<string, string> {
    const { port } = this.#api.server.address() as AddressInfo;
    return {
      TWILIO_ACCOUNT_SID: TWILIO_SID,
      TWILIO_AUTH_TOKEN: TWILIO_TOKEN,
      TWILIO_API_URL: `http://127.0.0.1:${port}`,
      PUBLIC_URL: publicUrl,
    };
  }

  /** @param address - of the server @param publicUrl - that its webhooks were configured with, over which is signed */
  use(address: string, publicUrl = address): void {
    this.#server = { address, publicUrl };
  }

  /** Where an address of the webhook's public ones is in truth. */
  local(url: string): string {
    const { address, publicUrl } = this.#server;
    return url
      .replace(publicUrl.replace(/^http/, 'ws'), address.replace(/^http/, 'ws'))
      .replace(publicUrl, address);
  }

  /** Sends a signed webhook. @param path - with its query, or the whole of an address that a TwiML named */
  async post(path: string, form: Record<string, string>): Promise<Response> {
    const url = path.startsWith('/') ? `${this.#server.publicUrl}${path}` : path;
    return fetch(this.local(url), {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
        'x-twilio-signature': twilio.getExpectedTwilioSignature(TWILIO_TOKEN, url, form),
      },
      body: new URLSearchParams(form),
    });
  }

  /** Somebody calls a number of ours, and Twilio does as it is told. */
  async call(options: TwilioCallOptions = {}): Promise<TwilioCall> {
    const call = new TwilioCall(this, options);
    this.calls.set(call.sid, call);
    await call.begin();
    return call;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.calls.values()].map((call) => call.hangUp()));
    await this.#api.close();
  }

  #answerApi(): void {
    const paramsSchema = z.object({ account: z.literal(TWILIO_SID), sid: z.string() });
    const auth = `Basic ${Buffer.from(`${TWILIO_SID}:${TWILIO_TOKEN}`).toString('base64')}`;
    this.#api.post('/2010-04-01/Accounts/:account/Calls/:sid.json', async (request, reply) => {
      if (request.headers.authorization !== auth)
        return reply.code(401).send({ code: 20003, message: 'Authenticate', status: 401 });
      const { sid } = paramsSchema.parse(request.params);
      const form = z.record(z.string(), z.string()).parse(request.body);
      this.updates.push({ callSid: sid, form });
      const call = this.calls.get(sid);
      if (call?.status !== 'in-progress')
        return reply.code(400).send({ code: 21220, message: 'Call is not in-progress.', status: 400 });
      if (form.Twiml !== undefined) call.redirect(form.Twiml);
      else if (form.Status === 'completed') void call.end('completed');
      return reply.send({ sid, account_sid: TWILIO_SID, status: call.status });
    });
  }
}

/** A call at Twilio, with the telephone of whoever calls. */
export class TwilioCall {
  readonly sid = `CA${randomBytes(16).toString('hex')}`;
  readonly telephone = new Telephone((frame) => this.#stream?.tick(frame));
  /** Sentences of Twilio's own voice. */
  readonly said: { language: string; text: string }[] = [];
  /** Numbers that the call was given to. */
  readonly dialled: string[] = [];
  /** Every message that came over the stream, parsed. */
  readonly received: Record<string, unknown>[] = [];
  status: 'ringing' | 'in-progress' | 'completed' = 'ringing';
  /** Of the newest stream: its WebSocket, and why that was closed. */
  socket: WebSocket | undefined;
  closed: { code: number; reason: string } | undefined;
  /** TwiML that it was answered, newest last. */
  readonly twiml: string[] = [];
  /** Resolves when the call is over and the status callback has said so. */
  readonly over: Promise<void>;
  #isOver: () => void = () => undefined;
  readonly #carrier: TwilioCarrier;
  readonly #options: Required<TwilioCallOptions>;
  #stream: CarrierStream | undefined;
  /** Counts TwiML documents: the verbs of one that was replaced are not carried out. */
  #document = 0;

  constructor(carrier: TwilioCarrier, options: TwilioCallOptions) {
    this.#carrier = carrier;
    this.#options = { from: '+34600111222', to: '+34911234567', query: '', dialled: 'no-answer', ...options };
    this.over = new Promise((resolve) => {
      this.#isOver = resolve;
    });
  }

  /** What every webhook of this call says. */
  form(more: Record<string, string> = {}): Record<string, string> {
    const { from, to } = this.#options;
    return {
      AccountSid: TWILIO_SID,
      ApiVersion: '2010-04-01',
      CallSid: this.sid,
      CallStatus: this.status,
      Called: to,
      Caller: from,
      CallerCity: '',
      Direction: 'inbound',
      From: from,
      To: to,
      ...more,
    };
  }

  async begin(): Promise<void> {
    const answer = await this.#carrier.post(`${WEBHOOK}${this.#options.query}`, this.form());
    this.status = 'in-progress';
    await this.#take(answer);
  }

  /** Other TwiML, from the REST API. */
  redirect(twiml: string): void {
    this.#stopStream();
    void this.#run(twiml);
  }

  press(digit: string): void {
    this.#stream?.send('dtmf', { dtmf: { track: 'inbound_track', digit } });
  }

  /** Sends any message over the stream. */
  sendRaw(text: string): void {
    this.socket?.send(text);
  }

  /** The caller hangs up. */
  async hangUp(): Promise<void> {
    await this.end('completed');
  }

  /** The call is over, whoever ended it; the status callback says so. */
  async end(status: 'completed'): Promise<void> {
    if (this.status === status) return this.over;
    this.status = status;
    this.#document += 1;
    this.#stopStream();
    this.telephone.end();
    // The server may have gone before.
    await this.#carrier
      .post(STATUS, this.form({ CallDuration: '5', SequenceNumber: '3' }))
      .catch(() => undefined);
    this.#isOver();
  }

  async #take(answer: Response): Promise<void> {
    const text = await answer.text();
    if (answer.status !== 200 || answer.headers.get('content-type')?.startsWith('text/xml') !== true)
      throw new Error(`no TwiML: ${answer.status} ${text}`);
    await this.#run(text);
  }

  /** Carries out a document; resolves when a stream is open, or all is done. */
  async #run(twiml: string): Promise<void> {
    this.twiml.push(twiml);
    this.#document += 1;
    await this.#carryOut(verbsOf(twiml), this.#document);
  }

  async #carryOut([first, ...rest]: readonly Verb[], document: number): Promise<void> {
    if (this.#document !== document) return;
    if (first === undefined || first.verb === 'Hangup') return this.end('completed');
    const { verb, attributes, inside } = first;
    if (verb === 'Dial') return this.#dial(inside, attributes.action ?? '');
    if (verb === 'Connect') {
      const { ended } = await this.#connect(inside);
      void ended.then(() => this.#carryOut(rest, document));
      return;
    }
    if (verb !== 'Say') throw new Error(`a verb that it does not know: ${verb}`);
    this.said.push({ language: attributes.language ?? '', text: inside });
    await this.#carryOut(rest, document);
  }

  async #dial(inside: string, action: string): Promise<void> {
    this.dialled.push(inside.replace(/<[^>]+>/g, ''));
    const status = this.#options.dialled;
    await this.#take(await this.#carrier.post(action, this.form({ DialCallStatus: status })));
  }

  /** @returns when the stream is open; `ended` resolves when it is closed */
  async #connect(inside: string): Promise<{ ended: Promise<void> }> {
    const url = unescaped(/<Stream url="([^"]+)"/.exec(inside)?.[1] ?? '');
    const parameters = [...inside.matchAll(/<Parameter name="([^"]+)" value="([^"]+)"/g)];
    const tooLong = parameters.find(([, name = '', value = '']) => name.length + value.length >= 500);
    if (tooLong !== undefined) throw new Error(`a parameter that Twilio does not take: ${tooLong[0]}`);
    if (url.includes('?')) throw new Error(`Twilio leaves out the query of ${url}`);
    const socket = new WebSocket(this.#carrier.local(url), {
      headers: {
        'user-agent': 'Twilio.TmeWs/1.0',
        'x-twilio-signature': twilio.getExpectedTwilioSignature(TWILIO_TOKEN, url, {}),
      },
    });
    const ended = new Promise<void>((resolve) => {
      socket.on('close', (code, reason) => {
        this.closed = { code, reason: reason.toString() };
        resolve();
      });
    });
    // Its end follows.
    socket.on('error', () => undefined);
    const streamSid = `MZ${randomBytes(16).toString('hex')}`;
    const stream = new CarrierStream({
      socket,
      telephone: this.telephone,
      received: this.received,
      write: (event, sequence, body) => ({ event, sequenceNumber: String(sequence), ...body, streamSid }),
      read: (text) => {
        const message = sentSchema.parse(JSON.parse(text));
        if (message.streamSid !== streamSid) throw new Error(`a message for another stream: ${text}`);
        return message;
      },
    });
    await once(socket, 'open');
    this.socket = socket;
    this.#stream = stream;
    socket.send(JSON.stringify({ event: 'connected', protocol: 'Call', version: '1.0.0' }));
    stream.send('start', {
      start: {
        accountSid: TWILIO_SID,
        streamSid,
        callSid: this.sid,
        tracks: ['inbound'],
        mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
        customParameters: Object.fromEntries(
          parameters.map(([, name = '', value = '']) => [name, unescaped(value)]),
        ),
      },
    });
    this.telephone.begin();
    return { ended };
  }

  #stopStream(): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.#stream?.stop({ accountSid: TWILIO_SID, callSid: this.sid });
    this.telephone.end();
  }
}

/** What a bidirectional stream takes; anything else Twilio refuses with the error 31951. */
const sentSchema = z.discriminatedUnion('event', [
  z.strictObject({
    event: z.literal('media'),
    streamSid: z.string(),
    media: z.strictObject({ payload: z.base64().min(1) }),
  }),
  z.strictObject({
    event: z.literal('mark'),
    streamSid: z.string(),
    mark: z.strictObject({ name: z.string().min(1) }),
  }),
  z.strictObject({ event: z.literal('clear'), streamSid: z.string() }),
]);

interface Verb {
  verb: string;
  attributes: Record<string, string>;
  inside: string;
}

/** The verbs of a TwiML document, in order. */
function verbsOf(twiml: string): Verb[] {
  const body = /<Response>(.*)<\/Response>/s.exec(twiml)?.[1];
  if (body === undefined) throw new Error(`not TwiML: ${twiml}`);
  return [...body.matchAll(/<(\w+)([^>]*?)(?:\/>|>(.*?)<\/\1>)/gs)].map(
    ([, verb = '', given = '', inside = '']) => ({
      verb,
      attributes: Object.fromEntries(
        [...given.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, unescaped(value)]),
      ),
      inside: verb === 'Say' ? unescaped(inside) : inside,
    }),
  );
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}
