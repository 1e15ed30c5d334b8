import { voice } from '@livekit/agents';
import type { Room } from '@livekit/rtc-node';
import { CharlaError } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Phrases } from './prompts.ts';
import { publishNotice } from './turn-reports.ts';

/** An apology sooner than this after the last one would talk over the caller. */
const APOLOGY_INTERVAL_MS = 5_000;

/**
 * Turns failures of the ears and the voice into a sentence for the caller, a notice for the page and a line in the log.
 * A failing model has its sentence in the answer's place, see `spoken-fallback.ts`; here it gets only its notice.
 */
export function speakFailures(session: voice.AgentSession, room: Room, phrases: Phrases, log: Logger): void {
  let apology: { handle: voice.SpeechHandle; endedAt?: number } | undefined;
  const apologise = (phrase: string) => {
    // While one is being said, a failure of the voice is a failure to say it: the next would fail as well, for ever.
    if (apology !== undefined && apology.endedAt === undefined) return;
    if (apology?.endedAt !== undefined && performance.now() - apology.endedAt < APOLOGY_INTERVAL_MS) return;
    const said: typeof apology = { handle: session.say(phrase, { addToChatCtx: false }) };
    apology = said;
    said.handle.addDoneCallback(() => {
      said.endedAt = performance.now();
    });
  };

  session.on(voice.AgentSessionEventTypes.Error, ({ error }) => {
    const type = error instanceof Error ? 'error' : error.type;
    const cause = error instanceof Error ? error : error.error;
    const known = cause.cause instanceof CharlaError ? cause.cause : undefined;
    log.error({ type, err: known ?? cause }, 'a model endpoint failed during the call');
    publishNotice(room, known?.code ?? 'CHARLA_PROVIDER_FAILED', log);
    if (type === 'stt_error') apologise(phrases.not_heard);
    if (type === 'tts_error') apologise(phrases.voice_failed);
  });
  session.on(voice.AgentSessionEventTypes.UserTranscriptionTimeout, () => {
    log.warn('speech was heard and no text came for it');
  });
}
