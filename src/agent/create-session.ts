import { type VAD, voice } from '@livekit/agents';
import { type Config, isOn, type Language } from '../config/config.ts';
import { createLLM } from '../providers/llm/create-llm.ts';
import type { Providers } from '../providers/resolve.ts';
import { WhisperSTT } from '../providers/stt/whisper-stt.ts';
import type { Keeping, SpeechCache } from '../providers/tts/speech-cache.ts';
import type { SpeechTTS } from '../providers/tts/speech-tts.ts';
import type { RecordMetric } from '../telemetry/call-metrics.ts';
import { createSpeech } from './create-speech.ts';
import type { Backchannels } from './prompts.ts';
import { Overlap } from './turns/overlap.ts';
import { Pauses } from './turns/pauses.ts';
import { TurnDetector } from './turns/turn-detector.ts';
import { turnHandling } from './turns/turn-handling.ts';

/** Of one event: two or three times as many as there are. */
const LISTENERS = 30;

export interface CallSession {
  session: voice.AgentSession;
  stt: WhisperSTT;
  tts: SpeechTTS;
  overlap: Overlap;
  detector: TurnDetector;
}

/**
 * The session of one call: VAD, speech to text, model, speech, and how they take turns.
 *
 * @param options.id - whose call it is, so that shared model servers queue fairly
 * @param options.kept - the cache of the agent's speech, and which of its clauses are worth keeping there
 * @param options.backchannels - what the caller may say without cutting the agent off
 * @param options.onNothing - told when what had seemed to be speech was none, or a backchannel
 * @param options.onTranscribing - told when the caller has paused and their words are not there yet, and when they are
 * @param options.onVoice - told of each window of sound (32 ms) that a voice may be in, before it counts as speech
 * @param options.awayAfterS - silence of the caller that the session tells of, s
 * @param options.onBackchannel - told that what the caller said over the agent does not cut it off
 */
export function createSession(options: {
  config: Config;
  id: string;
  language: Language;
  providers: Providers;
  vad: VAD;
  kept?: { cache: SpeechCache; keep: (clause: string) => Keeping | undefined };
  backchannels: Backchannels;
  awayAfterS: number;
  onVoice: (agoMs: number) => void;
  onNothing: () => void;
  onTranscribing: (busy: boolean) => void;
  onBackchannel: () => void;
  record: RecordMetric;
}): CallSession {
  const { config, id: user, language, providers, vad, kept, backchannels, onVoice, record } = options;
  const overlap = new Overlap(backchannels);
  const pauses = new Pauses();
  const detector = new TurnDetector({ language, pauses, shape: isOn(config, 'turn-shape') });
  const stt = new WhisperSTT({
    endpoint: providers.stt,
    language,
    vad,
    user,
    speculative: isOn(config, 'speculative-stt'),
    interim: isOn(config, 'interim-transcripts'),
    onVoice: (agoMs) => {
      detector.voice(agoMs);
      onVoice(agoMs);
    },
    onNothing: options.onNothing,
    onTranscribing: options.onTranscribing,
    onSpeculation: (result, engineMs) => {
      record('speculative_transcriptions_total', 1, { result });
      if (result !== 'used') record('speculation_seconds_total', engineMs / 1000, {});
    },
    ...(isOn(config, 'backchannels') && {
      ignores: (transcript) => {
        const ignored = overlap.ignores(transcript);
        if (ignored) options.onBackchannel();
        return ignored;
      },
    }),
  });
  const tts = createSpeech(config, {
    endpoint: providers.tts,
    language,
    user,
    ...kept,
  });
  const session = new voice.AgentSession({
    vad,
    stt,
    llm: createLLM(providers.llm, user),
    tts,
    turnHandling: turnHandling({
      detector,
      preemptive: isOn(config, 'preemptive-generation'),
      turnLimit: isOn(config, 'user-turn-limit'),
    }),
    // The browser cancels echo; with the default of 3 s the greeting could not be interrupted.
    aecWarmupDuration: null,
    transcriptionTimeout: 8_000,
    userAwayTimeout: options.awayAfterS,
    connOptions: {
      // Our own time limits, retries and spoken sentences stand in front of these.
      llmConnOptions: { maxRetry: 0, retryIntervalMs: 200, timeoutMs: 20_000 },
      ttsConnOptions: { maxRetry: 0, retryIntervalMs: 200, timeoutMs: 20_000 },
      maxUnrecoverableErrors: Number.POSITIVE_INFINITY,
    },
  });
  // Each part of a call follows it; Node warns from eleven on.
  session.setMaxListeners(LISTENERS);
  detector.follow(session);
  if (isOn(config, 'learned-pauses')) pauses.follow(session, vad.minSilenceDuration ?? 0);
  overlap.follow(session);
  return { session, stt, tts, overlap, detector };
}
