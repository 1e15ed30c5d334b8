import { getFfmpegPath } from '@livekit/av';

/** The ffmpeg that comes with the framework, or the one that its variable names; else that of the machine. */
export function ffmpegPath(): string {
  return process.env.LIVEKIT_FFMPEG_PATH || (getFfmpegPath() ?? 'ffmpeg');
}
