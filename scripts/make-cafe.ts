import { execa } from 'execa';
import { ffmpegPath } from '../src/agent/sound/ffmpeg.ts';

/*
 * Makes sounds/cafe.ogg: many voices at once, heard across a room, over its hum, with cups now and then. The voices are
 * those of the local models (`charla inference` has to run), so that the sound is our own; every run makes another one.
 *
 *   npx tsx scripts/make-cafe.ts http://127.0.0.1:8090/v1
 */

const SAMPLE_RATE = 24_000;
const SECONDS = 30;
const LENGTH = SAMPLE_RATE * SECONDS;
const VOICES = ['ef_dora', 'em_alex', 'em_santa', 'af_heart', 'am_michael', 'bf_emma'];
const TALK = 'Pues ayer fuimos al mercado y no quedaba nada de fruta, así que volvimos con pan y con queso.';
/** Each said again so often, at another pace and elsewhere: ten are heard at any time, and none can be followed. */
const VARIANTS = [0.84, 0.89, 0.94, 0.98, 1.03, 1.07, 1.12, 1.18];
/** Echoes of a room with people in it: after so many ms, so loud. */
const ECHOES = [
  [0, 1],
  [23, 0.5],
  [41, 0.42],
  [67, 0.35],
  [97, 0.28],
  [149, 0.2],
  [211, 0.14],
] as const;
const CUPS = 14;

const [inferenceUrl = 'http://127.0.0.1:8090/v1'] = process.argv.slice(2);
const room = new Float32Array(LENGTH);
for (const voice of VOICES) {
  const said = await speak(voice, TALK);
  for (const pace of VARIANTS) add(said, pace, Math.random() * LENGTH, 0.35 + Math.random() * 0.65);
}
const far = lowPass(lowPass(echoed(room), 1_600), 2_400);
const hum = lowPass(lowPass(noise(), 220), 220);
const sound = far.map((sample, at) => sample + 9 * (hum[at] ?? 0));
for (let cup = 0; cup < CUPS; cup += 1) clink(sound);

const loudest = sound.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
const pcm = Int16Array.from(sound, (sample) => (sample / loudest) * 26_000);
const input = ['-f', 's16le', '-ar', String(SAMPLE_RATE), '-ac', '1', '-i', 'pipe:0'];
const output = ['-c:a', 'libopus', '-b:a', '24k', 'sounds/cafe.ogg'];
await execa(ffmpegPath(), ['-y', ...input, ...output], { input: new Uint8Array(pcm.buffer) });

async function speak(voice: string, input: string): Promise<Int16Array> {
  const response = await fetch(`${inferenceUrl}/audio/speech`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'kokoro', voice, input, response_format: 'pcm' }),
  });
  if (!response.ok) throw new Error(await response.text());
  return new Int16Array(await response.arrayBuffer());
}

/** From `start` on, round the end. */
function add(said: Int16Array, pace: number, start: number, volume: number): void {
  for (let at = 0; at * pace < said.length - 1; at += 1) {
    const place = Math.floor(start + at) % LENGTH;
    room[place] = (room[place] ?? 0) + ((said[Math.floor(at * pace)] ?? 0) / 32_768) * volume;
  }
}

function echoed(dry: Float32Array): Float32Array {
  return dry.map((_, at) =>
    ECHOES.reduce((sum, [ms, volume]) => {
      const before = at - Math.round((ms * SAMPLE_RATE) / 1000);
      return sum + (dry[(before + LENGTH) % LENGTH] ?? 0) * volume;
    }, 0),
  );
}

function noise(): Float32Array {
  return Float32Array.from({ length: LENGTH }, () => (Math.random() - 0.5) * 0.2);
}

/** One pole, @param hz - where it begins to take away */
function lowPass(pcm: Float32Array, hz: number): Float32Array {
  const part = 1 - Math.exp((-2 * Math.PI * hz) / SAMPLE_RATE);
  let last = 0;
  return pcm.map((sample) => {
    last += part * (sample - last);
    return last;
  });
}

/** A spoon on china: high tones that die away at once. */
function clink(pcm: Float32Array): void {
  const start = Math.floor(Math.random() * LENGTH);
  const tones = Array.from({ length: 4 }, () => 1_900 + Math.random() * 3_600);
  const volume = 0.03 + Math.random() * 0.07;
  for (let at = 0; at < SAMPLE_RATE * 0.25; at += 1) {
    const time = at / SAMPLE_RATE;
    const wave = tones.reduce((sum, hz) => sum + Math.sin(2 * Math.PI * hz * time), 0);
    const place = (start + at) % LENGTH;
    pcm[place] = (pcm[place] ?? 0) + wave * volume * Math.exp(-time * 38);
  }
}
