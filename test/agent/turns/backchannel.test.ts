import { describe, expect, it } from 'vitest';
import { loadPrompts } from '../../../src/agent/prompts.ts';
import { isBackchannel } from '../../../src/agent/turns/backchannel.ts';

describe.each([
  [
    'es',
    ['Ajá.', 'Mm-hm.', 'Mmm…', '¡Ah!', 'Ya, ya.'],
    ['Sí.', 'Sí, sí.', 'Vale, vale.', 'Claro que sí.', 'Ok, de acuerdo.'],
  ],
  ['en', ['Aha.', 'Uh-huh.', 'Mm.', 'I see.'], ['Right.', 'Yeah, yeah.', 'Okay.', 'Got it.', 'All right.']],
] as const)('a listener in %s', (language, always, unlessAsked) => {
  const words = loadPrompts(language).backchannels;

  it.each(always)('«%s» takes no turn', (text) => {
    expect(isBackchannel(text, words, false)).toBe(true);
    expect(isBackchannel(text, words, true)).toBe(true);
  });

  it.each(unlessAsked)('«%s» takes none either, unless the agent is asking', (text) => {
    expect(isBackchannel(text, words, false)).toBe(true);
    expect(isBackchannel(text, words, true)).toBe(false);
  });
});

it.each([
  'Espera.',
  'Para.',
  'No.',
  'No, no.',
  'Sí, pero espera.',
  'Vale, ¿y el total?',
  'Ya, ya, ya, ya, ya.',
  '',
])('«%s» is no backchannel', (text) => {
  expect(isBackchannel(text, loadPrompts('es').backchannels, false)).toBe(false);
});
