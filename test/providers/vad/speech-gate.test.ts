import { describe, expect, it } from 'vitest';
import { SpeechGate } from '../../../src/providers/vad/speech-gate.ts';

const WINDOW_MS = 32;
const THRESHOLD = 0.5;

/** Lets a gate hear the same for some time. */
function hear(gate: SpeechGate, probability: number, level: number, ms: number, speaking = false): boolean {
  let passes = false;
  for (let heard = 0; heard < ms; heard += WINDOW_MS) {
    passes = gate.passes({ probability, level, ms: WINDOW_MS }, speaking, THRESHOLD);
  }
  return passes;
}

function gateInNoise(level: number): SpeechGate {
  const gate = new SpeechGate();
  hear(gate, 0.02, level, 3_000);
  return gate;
}

/** A gate that knows a caller of -25 dB in a quiet room. */
function gateWithCaller(): SpeechGate {
  const gate = gateInNoise(-70);
  hear(gate, 0.95, -25, 3_000, true);
  hear(gate, 0.02, -70, 1_000);
  return gate;
}

describe('SpeechGate', () => {
  it('asks no more than the detector of a voice in silence, however soft', () => {
    expect(hear(gateInNoise(-80), 0.51, -55, 64)).toBe(true);
    expect(hear(gateInNoise(-80), 0.49, -55, 64)).toBe(false);
  });

  it('asks no more than the detector of the first sound of a call', () => {
    expect(hear(new SpeechGate(), 0.51, -55, 64)).toBe(true);
  });

  it('does not open for what may be speech and is hardly louder than the noise', () => {
    expect(hear(gateInNoise(-40), 0.6, -36, 96)).toBe(false);
    expect(hear(gateInNoise(-70), 0.6, -36, 96)).toBe(true);
  });

  it('opens for what surely is speech although the noise is nearly as loud', () => {
    expect(hear(gateInNoise(-40), 0.9, -35, 96)).toBe(true);
  });

  it('does not open for what is no louder than the noise, however sure the detector is', () => {
    expect(hear(gateInNoise(-40), 0.99, -40, 96)).toBe(false);
  });

  it('knows a louder noise two seconds after it began', () => {
    const gate = gateInNoise(-60);
    hear(gate, 0.02, -40, 2_000);
    expect(hear(gate, 0.6, -38, 96)).toBe(false);
    hear(gate, 0.02, -60, 500);
    expect(hear(gate, 0.6, -38, 96)).toBe(true);
  });

  it('does not open for a voice far softer than the caller’s', () => {
    expect(hear(gateWithCaller(), 0.95, -47, 3_000)).toBe(false);
    expect(hear(gateWithCaller(), 0.95, -37, 96)).toBe(true);
  });

  it('opens for the soft end of a syllable', () => {
    const gate = gateWithCaller();
    hear(gate, 0.95, -27, 64);
    expect(hear(gate, 0.95, -50, 64)).toBe(true);
  });

  it('does not keep a turn open for a voice that lies under the caller’s', () => {
    const gate = gateWithCaller();
    hear(gate, 0.95, -25, 1_000, true);
    expect(hear(gate, 0.95, -50, 256, true)).toBe(false);
    hear(gate, 0.95, -25, 64, true);
    expect(hear(gate, 0.95, -42, 256, true)).toBe(true);
  });

  it('hears a softer caller after twenty seconds without the louder one', () => {
    const gate = gateWithCaller();
    hear(gate, 0.02, -70, 20_000);
    expect(hear(gate, 0.95, -50, 96)).toBe(true);
  });
});
