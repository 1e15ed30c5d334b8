import { describe, expect, it } from 'vitest';
import { turnShape } from '../../../src/agent/turns/turn-shape.ts';

describe('the shape of a turn', () => {
  it.each([
    ['es', '¿Qué tengo en el carrito?', 'complete'],
    ['es', 'Quiero cancelar mi pedido.', 'complete'],
    ['es', '¡Perfecto!', 'complete'],
    ['es', 'Sí.', 'complete'],
    ['es', 'Quiero una mesa para.', 'open'],
    ['es', 'Pues mire, es que', 'open'],
    ['es', 'Me llamo Ana y', 'open'],
    ['es', 'Quería preguntar, o sea', 'open'],
    ['es', 'Primero esto,', 'open'],
    ['es', 'No sé...', 'open'],
    ['es', 'Mi teléfono es el 612 34', 'open'],
    ['es', '612 345 678', 'unsure'],
    ['es', 'Quiero 20.', 'complete'],
    ['es', 'Quiero hablar con alguien', 'unsure'],
    ['en', 'What is in my cart?', 'complete'],
    ['en', 'I would like to.', 'open'],
    ['en', 'Let me think', 'open'],
    ['en', 'I want to talk to somebody', 'unsure'],
    ['en', '', 'unsure'],
  ] as const)('%s «%s» is %s', (language, text, shape) => {
    expect(turnShape(text, language)).toBe(shape);
  });
});
