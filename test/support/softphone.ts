import { mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import wavefile from 'wavefile';
import { z } from 'zod';
import { FRAME_SAMPLES, LINE_RATE } from '../../src/channels/line.ts';
import { freePort } from './livekit-server.ts';
import { Telephone } from './telephone.ts';

const START_TIMEOUT_MS = 10_000;
const CALL_TIMEOUT_MS = 30_000;
const LISTEN_INTERVAL_MS = 20;
const WAV_HEADER_BYTES = 44;
/** After its file ends, baresip sends nothing; a telephone line never stops. */
const SILENCE_AFTER_SPEECH_S = 120;

const message = z.object({
  event: z.literal(true).optional(),
  response: z.literal(true).optional(),
  type: z.string().optional(),
  param: z.string().optional(),
  ok: z.boolean().optional(),
  data: z.string().optional(),
});
type Message = z.output<typeof message>;

/**
 * A real SIP telephone: Debian's `baresip`, with files for a microphone and for ears. It has one call at a time, on
 * loopback, in μ-law.
 */
export class Softphone {
  /** What is heard: {@link Telephone.recording}, {@link Telephone.quiet} and the others. */
  readonly ears = new Telephone(() => undefined);
  /** Where other telephones, and a trunk, reach this one. */
  readonly uri: string;
  readonly port: number;
  /** Why the newest call ended, as SIP says it; undefined while there is none, or while it lasts. */
  endReason: string | undefined;
  /** Keys that the other side pressed. */
  pressed = '';

  readonly #folder: string;
  readonly #events: string[] = [];
  #control: Socket | undefined;
  #process: ReturnType<typeof startBaresip> | undefined;
  #answered: ((answer: Message) => void) | undefined;
  #closed = false;
  #listening: Promise<void> | undefined;
  #silence = '';

  private constructor(folder: string, port: number, number: string) {
    this.#folder = folder;
    this.port = port;
    this.uri = `sip:${number}@127.0.0.1:${port}`;
  }

  /**
   * @param options.number - its own, which the other side sees
   * @param options.answers - whether it picks up by itself when it is called
   */
  static async start({
    number = '+34600000001',
    answers = false,
  }: {
    number?: string;
    answers?: boolean;
  } = {}): Promise<Softphone> {
    const folder = await mkdtemp(join(tmpdir(), 'charla-softphone-'));
    const phone = new Softphone(folder, await freePortPair(), number);
    await phone.#start(number, answers);
    return phone;
  }

  /** Places a call and waits until it is answered. @throws Error with the reason when it is not */
  async call(uri: string): Promise<void> {
    await this.dial(uri);
    await this.established();
  }

  /** Places a call; whoever is called may answer it later, or never. */
  async dial(uri: string): Promise<void> {
    this.#events.length = 0;
    this.endReason = undefined;
    await this.#command('dial', uri);
  }

  /** Waits until somebody calls. */
  async rings(timeoutMs = CALL_TIMEOUT_MS): Promise<void> {
    await this.ears.until(() => this.#events.includes('CALL_INCOMING'), timeoutMs, 'an incoming call');
  }

  /** Picks up. */
  async answer(): Promise<void> {
    await this.#command('accept');
    await this.established();
  }

  /** Waits until the call is answered, on whichever side. */
  async established(timeoutMs = CALL_TIMEOUT_MS): Promise<void> {
    await this.ears.until(
      () => {
        if (this.#events.includes('CALL_ESTABLISHED')) return true;
        if (this.endReason !== undefined) throw new Error(`the call was not answered: ${this.endReason}`);
        return false;
      },
      timeoutMs,
      'the call to be answered',
    );
  }

  /**
   * Speaks.
   *
   * @param pcm - mono, 8 kHz, without silence at its end
   * @returns when its last sound was sent, ms of `performance.now()`
   */
  async say(pcm: Int16Array): Promise<number> {
    const file = join(this.#folder, `said-${Date.now()}.wav`);
    await writeWav(file, pcm, SILENCE_AFTER_SPEECH_S);
    await this.#command('ausrc', `aufile,${file}`);
    const spokenAt = performance.now() + (pcm.length * 1000) / LINE_RATE;
    await sleep(spokenAt - performance.now());
    return spokenAt;
  }

  /** Speaks, and listens until there has been an answer. @returns what was heard since the question's end, 8 kHz */
  async ask(pcm: Int16Array, timeoutMs = 60_000): Promise<{ pcm: Int16Array; voiceToVoiceMs: number }> {
    const askedAt = await this.say(pcm);
    const first = await this.ears.until(() => this.ears.firstSoundAfter(askedAt), timeoutMs, 'an answer');
    await this.ears.quiet(timeoutMs);
    return { pcm: this.ears.recording(askedAt), voiceToVoiceMs: first - askedAt };
  }

  /** Presses keys: digits, `*`, `#`. */
  async press(keys: string): Promise<void> {
    for (const key of keys) {
      await this.#command('sndcode', key);
      await sleep(150);
    }
  }

  async hangUp(): Promise<void> {
    await this.#command('hangup');
  }

  /** Waits until the call is over, whoever ended it. @returns why */
  async ended(timeoutMs = CALL_TIMEOUT_MS): Promise<string> {
    return this.ears.until(() => this.endReason, timeoutMs, 'the end of the call');
  }

  /** Hangs up, ends the program and deletes its files. */
  async stop(): Promise<void> {
    this.#closed = true;
    await this.#listening;
    this.#control?.destroy();
    this.#process?.kill('SIGTERM');
    await this.#process;
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #start(number: string, answers: boolean): Promise<void> {
    const folder = this.#folder;
    this.#silence = join(folder, 'silence.wav');
    await writeWav(this.#silence, new Int16Array(0), SILENCE_AFTER_SPEECH_S);
    const controlPort = await freePort();
    await writeFile(join(folder, 'config'), baresipConfig(folder, this.port, controlPort, this.#silence));
    const mode = answers ? 'auto' : 'manual';
    await writeFile(
      join(folder, 'accounts'),
      `<sip:${number}@127.0.0.1:${this.port}>;regint=0;answermode=${mode};audio_codecs=pcmu\n`,
    );
    const child = startBaresip(folder);
    this.#process = child;
    const control = await connected(controlPort);
    this.#control = control;
    let received = Buffer.alloc(0);
    control.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      // Netstrings: length, colon, text, comma.
      for (;;) {
        const colon = received.indexOf(':');
        const length = Number(received.subarray(0, colon));
        if (colon < 0 || received.length < colon + length + 2) return;
        const text = received.subarray(colon + 1, colon + 1 + length).toString();
        received = received.subarray(colon + length + 2);
        this.#receive(message.parse(JSON.parse(text)));
      }
    });
    this.#listening = this.#listen();
  }

  #receive(received: Message): void {
    if (received.response === true) {
      this.#answered?.(received);
      return;
    }
    const { type = '', param = '' } = received;
    this.#events.push(type);
    if (type === 'CALL_INCOMING') this.endReason = undefined;
    if (type === 'CALL_CLOSED') this.endReason = param;
    if (type === 'CALL_DTMF_START') this.pressed += param;
  }

  /** One at a time: answers carry no more than a token of ours. */
  async #command(command: string, params?: string): Promise<string> {
    const text = JSON.stringify({ command, params, token: command });
    const answer = new Promise<Message>((resolve) => {
      this.#answered = resolve;
    });
    this.#control?.write(`${Buffer.byteLength(text)}:${text},`);
    const { ok, data = '' } = await answer;
    if (ok !== true || /failed/.test(data)) throw new Error(`baresip: ${command} ${params}: ${data}`);
    return data;
  }

  /** In pieces of a packet, as they came: a busy machine looks into the file late, and sees several at once. */
  #hear(pcm: Int16Array): void {
    const now = performance.now();
    for (let start = 0; start < pcm.length; start += FRAME_SAMPLES) {
      const ago = ((pcm.length - start - FRAME_SAMPLES) * 1000) / LINE_RATE;
      this.ears.hear(pcm.subarray(start, start + FRAME_SAMPLES), now - Math.max(0, ago));
    }
  }

  /** Brings what baresip writes into its file of received sound to the ears, as it comes. */
  async #listen(): Promise<void> {
    const known = new Map<string, number>();
    while (!this.#closed) {
      const names = await readdir(this.#folder);
      for (const name of names.filter((one) => one.endsWith('-dec.wav'))) {
        const from = known.get(name) ?? WAV_HEADER_BYTES;
        const file = await open(join(this.#folder, name));
        const { size } = await file.stat();
        const length = Math.max(0, size - from) & ~1;
        if (length > 0) {
          const pcm = new Int16Array(length / 2);
          await file.read(new Uint8Array(pcm.buffer), 0, length, from);
          this.#hear(pcm);
          known.set(name, from + length);
        }
        await file.close();
      }
      await sleep(LISTEN_INTERVAL_MS);
    }
  }
}

/** baresip takes the next port too, for TLS, and does not start without; the system gives it to whoever connects to something. */
async function freePortPair(): Promise<number> {
  for (;;) {
    const port = await freePort();
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port + 1, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

function startBaresip(folder: string) {
  return execa('baresip', ['-f', folder], {
    stdio: 'ignore',
    reject: false,
    forceKillAfterDelay: 2_000,
  });
}

function baresipConfig(folder: string, port: number, controlPort: number, silence: string): string {
  const modules = ['aufile', 'ausine', 'sndfile', 'g711'].map((name) => `module ${name}.so`);
  return [
    'poll_method epoll',
    `sip_listen 127.0.0.1:${port}`,
    'net_interface 127.0.0.1',
    'call_max_calls 4',
    'audio_player aufile,/dev/null',
    `audio_source aufile,${silence}`,
    'audio_alert aufile,/dev/null',
    'audio_level no',
    'rtp_ports 40000-59998',
    'jitter_buffer_delay 1-5',
    'module_path /usr/lib/baresip/modules',
    ...modules,
    'module_tmp account.so',
    'module_app menu.so',
    'module_app ctrl_tcp.so',
    'module_app debug_cmd.so',
    `ctrl_tcp_listen 127.0.0.1:${controlPort}`,
    `snd_path ${folder}`,
    'ringback_disabled yes',
    'menu_bell no',
    '',
  ].join('\n');
}

async function connected(port: number): Promise<Socket> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const done = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (done) return socket;
    if (Date.now() > deadline) throw new Error('baresip did not start');
    await sleep(20);
  }
}

async function writeWav(file: string, pcm: Int16Array, silenceSeconds: number): Promise<void> {
  const whole = new Int16Array(pcm.length + silenceSeconds * LINE_RATE);
  whole.set(pcm);
  const wav = new wavefile.WaveFile();
  wav.fromScratch(1, LINE_RATE, '16', whole);
  await writeFile(file, wav.toBuffer());
}
