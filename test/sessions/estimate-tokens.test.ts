import { afterAll, beforeAll, expect, it } from 'vitest';
import { estimateTokens } from '../../src/sessions/estimate-tokens.ts';
import { renderDataTools } from '../../src/sessions/render-data-tools.ts';
import { type LocalTokenizer, openLocalTokenizer } from '../support/local-tokenizer.ts';

let tokenizer: LocalTokenizer;
beforeAll(async () => {
  tokenizer = await openLocalTokenizer();
});
afterAll(() => tokenizer.close());

const PROSE = {
  es: 'El pedido que hiciste el martes por la tarde ha salido ya del almacén y llegará a tu domicilio antes del viernes.',
  en: 'The order that you placed on Tuesday afternoon has left the warehouse and will arrive at your home before Friday.',
};
const DATA = {
  user_context: {
    name: 'Juan Pérez',
    tickets: ['#1234', '#5678'],
    email: 'juan@example.com',
    phone: '+34 600 123 456',
  },
  cart_data: { items: [{ name: 'ratón inalámbrico', price: 25 }], total: 25, currency: 'EUR' },
  business_data: { hours: { monday: '9:00 a 18:00' }, address: 'Calle de Alcalá 123, 28009 Madrid' },
  orders: Array.from({ length: 30 }, (_, index) => ({
    id: `P-${1000 + index}`,
    date: '2026-03-14',
    total: 49.95,
  })),
};

it.each(['es', 'en'] as const)(
  'is never more than a tenth below the tokens of the local model, and not far above, in %s',
  (language) => {
    for (const text of [PROSE[language], renderDataTools(DATA, language, { maxTokens: 10_000 }).text]) {
      const ratio = estimateTokens(text, language) / tokenizer.tokens(text).length;
      expect(ratio).toBeGreaterThan(0.9);
      expect(ratio).toBeLessThan(1.5);
    }
  },
);
