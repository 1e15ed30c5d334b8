import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { WAV_HEADER_BYTES, wavHeader } from '../../providers/stt/wav.ts';
import { ffmpegPath } from '../sound/ffmpeg.ts';
import { RECORDING_CHANNELS, RECORDING_SAMPLE_RATE } from './sound-timeline.ts';

/** Clear speech on each side, 22 MB an hour; measured: two voices at once stay on their sides. */
const OPUS_BIT_RATE = '48k';

/** A file of sound that is being written; whenever its process ends, it can be read as far as it was written. */
export interface SoundFile {
  /** @param pcm - two channels, interleaved, {@link RECORDING_SAMPLE_RATE} @throws Error when it cannot be written */
  write(pcm: Int16Array): Promise<void>;
  /** @throws Error when what was written is not all there */
  close(): Promise<void>;
}

/**
 * Begins a file that only this user may read.
 *
 * @param path - there is no file yet; its folder is there
 */
export async function openSoundFile(path: string, format: 'ogg' | 'wav'): Promise<SoundFile> {
  const file = await open(path, 'wx', 0o600);
  if (format === 'wav') return wavFile(file);
  await file.close();
  return oggFile(path);
}

/** Its header says after each piece how long it is by then. */
function wavFile(file: FileHandle): SoundFile {
  let bytes = 0;
  const writeHeader = () =>
    file.write(wavHeader(bytes, RECORDING_SAMPLE_RATE, RECORDING_CHANNELS), 0, WAV_HEADER_BYTES, 0);
  return {
    async write(pcm) {
      const piece = bytesOf(pcm);
      await file.write(piece, 0, piece.length, WAV_HEADER_BYTES + bytes);
      bytes += piece.length;
      await writeHeader();
    },
    async close() {
      await writeHeader().finally(() => file.close());
    },
  };
}

/** Opus in Ogg, by an ffmpeg of its own (10 s of sound take it 40 ms): it ends the file when we end, however that is. */
function oggFile(path: string): SoundFile {
  const input = ['-f', 's16le', '-ar', String(RECORDING_SAMPLE_RATE), '-ac', String(RECORDING_CHANNELS)];
  const output = ['-c:a', 'libopus', '-application', 'voip', '-b:a', OPUS_BIT_RATE, '-flush_packets', '1'];
  const encoder: ChildProcessByStdio<Writable, null, Readable> = spawn(
    ffmpegPath(),
    ['-loglevel', 'error', '-y', ...input, '-i', 'pipe:0', ...output, '-f', 'ogg', path],
    // A group of its own: Ctrl+C ends us, and with its input it ends, with nothing lost.
    { stdio: ['pipe', 'ignore', 'pipe'], detached: true },
  );
  const said = text(encoder.stderr);
  const ended = once(encoder, 'exit').then(async ([code]) => {
    if (code !== 0) throw new Error(`ffmpeg ended with ${code}: ${(await said).trim().slice(-500)}`);
  });
  ended.catch(() => undefined);
  encoder.stdin.on('error', () => undefined);
  return {
    async write(pcm) {
      const taken = new Promise<void>((resolve, reject) => {
        encoder.stdin.write(bytesOf(pcm), (error) => (error ? reject(error) : resolve()));
      });
      // What it says itself is better than the broken pipe.
      await taken.catch(async (error: unknown) => {
        await ended;
        throw error;
      });
    },
    async close() {
      encoder.stdin.end();
      await ended;
    },
  };
}

function bytesOf(pcm: Int16Array): Uint8Array {
  return new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);
}
