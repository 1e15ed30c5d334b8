import { describe, expect, it } from 'vitest';
import { loadPrompts } from '../../../src/agent/prompts.ts';
import { clearAnswer } from '../../../src/agent/tools/clear-answer.ts';

const ANSWERS = {
  es: {
    yes: [
      'Sí.',
      'si',
      'Sí, por favor.',
      'Claro que sí.',
      'Vale, adelante.',
      'De acuerdo, gracias.',
      'Sí, sí.',
      'Correcto, hazlo.',
      'Eso es.',
      'Sí, lo confirmo.',
      'Por supuesto',
      'Eh... sí, cámbialo, por favor.',
      'OK',
      'Está bien, muchas gracias.',
    ],
    no: [
      'No.',
      'No, gracias.',
      'Mejor no',
      'No lo hagas.',
      'Todavía no, espera.',
      'Cancélalo',
      'Claro que no.',
      'Para nada',
    ],
    neither: [
      '',
      'Nada',
      'Para mi madre',
      '...',
      '¿Sí?',
      'Sí, pero a otra dirección.',
      'No, sí.',
      'Sí, no, espera.',
      'Bueno.',
      'Mmm',
      'Si quieres',
      'Si es gratis, sí',
      'Claro, ¿y cuánto cuesta?',
      'Que si me oyes',
      'Sí que tengo un problema',
      'Por favor',
      'Ponlo a nombre de Sí',
      'vale la pena',
      'El sistema dice que sí',
    ],
  },
  en: {
    yes: [
      'Yes.',
      'Yeah, sure.',
      'Yes please',
      'Go ahead.',
      "That's right.",
      'Of course, thank you',
      'OK, do it.',
      'Yep, change it please.',
      'I confirm',
    ],
    no: ['No.', 'No thanks.', "Don't do it.", 'Not now', 'Never mind.', 'No, leave it.'],
    neither: [
      '',
      'Yes?',
      'Yes, but use my other address.',
      'Well...',
      'Please',
      'No, yes',
      "Sure, what's the cost",
      'right now I am busy',
      'say yes',
    ],
  },
} as const;

describe.each(['es', 'en'] as const)('an answer to the agent’s question, in %s', (language) => {
  const { answers } = loadPrompts(language);
  it.each(ANSWERS[language].yes)('«%s» is a yes', (text) => {
    expect(clearAnswer(text, answers)).toBe('yes');
  });
  it.each(ANSWERS[language].no)('«%s» is a no', (text) => {
    expect(clearAnswer(text, answers)).toBe('no');
  });
  it.each(ANSWERS[language].neither)('«%s» is neither', (text) => {
    expect(clearAnswer(text, answers)).toBeUndefined();
  });
});
