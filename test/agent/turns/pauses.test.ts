import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pauses } from '../../../src/agent/turns/pauses.ts';

/** A caller and an agent, as the session's events tell of them. */
class Talk {
  readonly pauses = new Pauses();
  #now = 0;

  /** One turn: words with pauses of these lengths between them, and the agent's answer. */
  turn(...pausesMs: readonly number[]): this {
    this.#words();
    for (const pauseMs of pausesMs) {
      this.#now += pauseMs;
      this.#words();
    }
    this.pauses.committed();
    this.#now += 800;
    return this.answer();
  }

  /** A turn that the agent took in the middle of it: the caller went on before anything was heard. */
  turnTakenTooEarly(pauseMs: number): this {
    this.#words();
    this.pauses.committed();
    this.#now += pauseMs;
    this.#words();
    this.pauses.committed();
    this.#now += 800;
    return this.answer();
  }

  answer(): this {
    this.pauses.answered(this.#now);
    this.#now += 2_000;
    return this;
  }

  /** The caller goes on just after the agent's first sound. */
  goesOnIntoAnswer(pauseMs: number): this {
    this.#words();
    this.pauses.committed();
    this.#now += pauseMs - 100;
    this.pauses.answered(this.#now);
    this.#now += 100;
    this.#words();
    return this;
  }

  #words(): void {
    this.pauses.speechBegan(this.#now);
    this.#now += 1_000;
    this.pauses.speechEnded(this.#now);
  }
}

describe('what is learned of the pauses of a caller', () => {
  it('begins with what is usual', () => {
    expect(new Pauses().typicalMs).toBe(700);
  });

  it.each([
    ['never pauses', [], 8, 650],
    ['pauses for 300 ms', [300], 8, 650],
    ['pauses for 600 ms', [600], 8, 650],
    ['pauses for 900 ms', [900], 8, 950],
    ['pauses for 900 ms, heard twice', [900], 2, 950],
    ['pauses for 2 s', [2_000], 8, 1_200],
    ['counts by the longest pause of a turn', [300, 900, 400], 8, 950],
  ])('somebody who %s', (_who, pausesMs, turns, typicalMs) => {
    const talk = new Talk();
    for (let turn = 0; turn < turns; turn += 1) talk.turn(...pausesMs);
    expect(talk.pauses.typicalMs).toBe(typicalMs);
  });

  it('waits longer within a turn that had a long pause already', () => {
    const pauses = new Pauses();
    pauses.speechBegan(0);
    pauses.speechEnded(1_000);
    pauses.speechBegan(1_900);
    expect(pauses.typicalMs).toBe(950);
  });

  it('forgets how the caller spoke long ago', () => {
    const talk = new Talk();
    for (let turn = 0; turn < 12; turn += 1) talk.turn(1_000);
    for (let turn = 0; turn < 12; turn += 1) talk.turn();
    expect(talk.pauses.typicalMs).toBe(650);
  });

  it('counts a turn that was taken too early, for some turns', () => {
    const talk = new Talk().turnTakenTooEarly(900);
    expect(talk.pauses.cutShort).toBe(1);
    for (let turn = 0; turn < 4; turn += 1) talk.turn();
    expect(talk.pauses.cutShort).toBe(0);
  });

  it('counts somebody who goes on into the first sound of the answer as cut short', () => {
    expect(new Talk().goesOnIntoAnswer(700).pauses.cutShort).toBe(1);
  });

  it('takes no interruption of an answer, and no question minutes later, for a pause', () => {
    const pauses = new Pauses();
    pauses.speechBegan(0);
    pauses.speechEnded(1_000);
    pauses.committed();
    pauses.answered(1_800);
    pauses.speechBegan(4_000);
    pauses.speechEnded(5_000);
    pauses.committed();
    pauses.answered(6_000);
    pauses.speechBegan(120_000);
    expect(pauses.cutShort).toBe(0);
    expect(pauses.typicalMs).toBeLessThanOrEqual(700);
  });

  it('stays within its bounds whatever happens, clocks included', () => {
    const event = fc.record({
      kind: fc.constantFrom('speechBegan', 'speechEnded', 'committed', 'answered'),
      at: fc.integer({ min: -10_000_000, max: 10_000_000 }),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), (events) => {
        const pauses = new Pauses();
        for (const { kind, at } of events) pauses[kind as 'speechBegan'](at);
        expect(pauses.typicalMs).toBeGreaterThanOrEqual(650);
        expect(pauses.typicalMs).toBeLessThanOrEqual(1_200);
      }),
    );
  });
});
