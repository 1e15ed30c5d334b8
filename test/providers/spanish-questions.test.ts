import { expect, it } from 'vitest';
import { asQuestion } from '../../src/providers/stt/spanish-questions.ts';

it.each([
  ['Que falta completar.', '¿Qué falta completar?'],
  ['que tengo en el carrito', '¿Qué tengo en el carrito?'],
  ['Qué funciones tiene la app?', '¿Qué funciones tiene la app?'],
  ['¿Qué falta completar?', '¿Qué falta completar?'],
  ['Cuantos tickets tengo.', '¿Cuántos tickets tengo?'],
  ['Por qué falla el pago.', '¿Por qué falla el pago?'],
  ['Cómo me llamo', '¿Cómo me llamo?'],
])('«%s» is the question «%s»', (heard, question) => {
  expect(asQuestion(heard)).toBe(question);
});

it.each([
  'Que sí.',
  'Que no, gracias.',
  'Que tengas un buen día.',
  'Como siempre.',
  'Cuando quieras.',
  'Que.',
  'Quiero mi pedido.',
  'Espera. ¿Qué tengo en el carrito?',
  'Que lo que te he dicho antes de la factura ya no hace falta porque la he encontrado yo.',
])('«%s» stays as it is', (heard) => {
  expect(asQuestion(heard)).toBe(heard);
});
