import { describe, expect, it } from 'vitest';
import { medianVoiceToVoice, mergeTurn, parseTurn, stagesOf } from '../../src/web/state/turns.ts';

const turn = {
  turn: 1,
  sttMs: 300,
  endOfTurnMs: 500,
  llmFirstTokenMs: 400,
  ttsFirstAudioMs: 700,
  voiceToVoiceMs: 2000,
};

describe('latencies of a turn', () => {
  it('are read from the message of the agent', () => {
    expect(parseTurn(JSON.stringify({ ...turn, language: 'es' }))).toEqual({ ...turn, language: 'es' });
  });

  it.each(['', 'no json', '[]', '{"turn":"one"}', '{"turn":1,"sttMs":-3}'])('ignore %j', (text) => {
    expect(parseTurn(text)).toBeUndefined();
  });

  it('are shown as stages that follow each other, with what they leave unexplained', () => {
    expect(stagesOf(turn).map(({ stage, ms }) => [stage, ms])).toEqual([
      ['sttMs', 300],
      ['endOfTurnMs', 200],
      ['llmFirstTokenMs', 400],
      ['ttsFirstAudioMs', 700],
      ['otherMs', 400],
    ]);
  });

  it('fill their bar exactly, also when stages overlap', () => {
    for (const voiceToVoiceMs of [900, 1600, 4000]) {
      const shares = stagesOf({ ...turn, voiceToVoiceMs }).map(({ share }) => share);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
    }
  });

  it('leave out what was not measured', () => {
    expect(stagesOf({ turn: 4, llmFirstTokenMs: 250 }).map(({ stage }) => stage)).toEqual([
      'llmFirstTokenMs',
    ]);
    expect(stagesOf({ turn: 4 })).toEqual([]);
  });

  it('are replaced when the same turn is reported again', () => {
    expect(mergeTurn([{ turn: 1 }, { turn: 2 }], turn)).toEqual([{ turn: 2 }, turn]);
  });

  it('have a median', () => {
    const of = (...values: number[]) =>
      medianVoiceToVoice(values.map((voiceToVoiceMs, index) => ({ turn: index, voiceToVoiceMs })));
    expect(of()).toBeUndefined();
    expect(of(900)).toBe(900);
    expect(of(3000, 1000, 2000)).toBe(2000);
    expect(of(1000, 2000)).toBe(1500);
  });
});
