import type { Turn } from './ask.ts';
import type { Rows } from './bench-result.ts';
import { compare } from './compare.ts';
import { percentile } from './percentiles.ts';

/** Fields of a turn's report, and what they are. */
const STAGES: Readonly<Record<string, string>> = {
  sttMs: 'end of speech → its text',
  endOfTurnMs: 'end of speech → turn over',
  llmFirstTokenMs: 'model: first token',
  ttsFirstAudioMs: 'voice: first sound',
  voiceToVoiceMs: "the agent's own count",
  outsideMs: 'playout, network, both ends',
};

type Answered = Extract<Turn, { outcome: 'answered' }>;

/** p50 and p95 of each stage of the answered turns, and its p50 as a share of the p50 of voice-to-voice. */
export function stageTable(turns: ReadonlyMap<string, readonly Turn[]>): { rows: Rows; json: object } {
  const answered = new Map(
    [...turns].map(([name, of]) => [name, of.filter((turn) => turn.outcome === 'answered')]),
  );
  const rows: Array<Record<string, string | number>> = [];
  const json: Record<string, object> = {};
  for (const [stage, figure] of Object.entries(STAGES)) {
    const values = new Map(
      [...answered].map(([name, of]) => [name, of.flatMap((turn) => stageOf(turn, stage))]),
    );
    const compared = compare(figure, values, (name) => ({
      'share of the turn': share(
        values.get(name) ?? [],
        (answered.get(name) ?? []).map((turn) => turn.voiceToVoiceMs),
      ),
    }));
    rows.push(...compared.rows);
    json[stage] = compared.json;
  }
  return { rows, json };
}

function stageOf({ voiceToVoiceMs, report }: Answered, stage: string): number[] {
  const { voiceToVoiceMs: own } = report;
  if (stage === 'outsideMs') return own === undefined ? [] : [voiceToVoiceMs - own];
  const value = report[stage];
  return value === undefined ? [] : [value];
}

function share(stage: readonly number[], turn: readonly number[]): string {
  const [of, whole] = [percentile(stage, 0.5), percentile(turn, 0.5)];
  return of === undefined || whole === undefined ? '–' : `${Math.round((of / whole) * 100)} %`;
}
