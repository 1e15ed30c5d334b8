import * as z from 'zod/mini';

const ms = z.optional(z.number().check(z.nonnegative()));

const turnSchema = z.object({
  turn: z.number(),
  language: z.optional(z.string()),
  sttMs: ms,
  endOfTurnMs: ms,
  llmFirstTokenMs: ms,
  ttsFirstAudioMs: ms,
  voiceToVoiceMs: ms,
});

/** One turn's latencies, as the agent sends them on the topic `charla.turn`; all in ms. */
export type Turn = z.output<typeof turnSchema>;

/**
 * The stages of a turn in the order in which they take place. The end of the turn is measured from the same moment as
 * the transcription and waits for it: what is shown is what it takes beyond it. `otherMs` is what the rest leaves
 * unexplained.
 */
export const STAGES = ['sttMs', 'endOfTurnMs', 'llmFirstTokenMs', 'ttsFirstAudioMs', 'otherMs'] as const;
export type Stage = (typeof STAGES)[number];

interface StageTime {
  stage: Stage;
  ms: number;
}

/** Reads a message of the topic; undefined when it is none. */
export function parseTurn(text: string): Turn | undefined {
  try {
    const parsed = turnSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** A turn sent again (with more stages known) replaces the earlier one. */
export function mergeTurn(turns: readonly Turn[], turn: Turn): readonly Turn[] {
  return [...turns.filter((known) => known.turn !== turn.turn), turn];
}

/** The stages that a turn knows of, in order, with their share of the longer of their sum and the whole (0 to 1). */
export function stagesOf(turn: Turn): (StageTime & { share: number })[] {
  const durations: Record<Stage, number> = {
    sttMs: turn.sttMs ?? 0,
    endOfTurnMs: Math.max(0, (turn.endOfTurnMs ?? 0) - (turn.sttMs ?? 0)),
    llmFirstTokenMs: turn.llmFirstTokenMs ?? 0,
    ttsFirstAudioMs: turn.ttsFirstAudioMs ?? 0,
    otherMs: 0,
  };
  const known = STAGES.map((stage): StageTime => ({ stage, ms: durations[stage] })).filter(
    (part) => part.ms > 0,
  );
  const sum = known.reduce((total, { ms: part }) => total + part, 0);
  const whole = Math.max(sum, turn.voiceToVoiceMs ?? 0);
  const other = Math.round(whole - sum);
  const all = other > 0 ? [...known, { stage: 'otherMs' as const, ms: other }] : known;
  return all.map((part) => ({ ...part, share: part.ms / whole }));
}

/** Median voice-to-voice time in ms; undefined while no turn has one. */
export function medianVoiceToVoice(turns: readonly Turn[]): number | undefined {
  const sorted = turns
    .flatMap(({ voiceToVoiceMs }) => (voiceToVoiceMs === undefined ? [] : [voiceToVoiceMs]))
    .toSorted((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)];
  const high = sorted[Math.ceil((sorted.length - 1) / 2)];
  return low === undefined || high === undefined ? undefined : Math.round((low + high) / 2);
}
