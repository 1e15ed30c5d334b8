import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DataTools } from '../../src/sessions/data-tools.ts';
import { estimateTokens } from '../../src/sessions/estimate-tokens.ts';
import { lookUp, recall } from '../../src/sessions/look-up.ts';

const dataTools: DataTools = {
  user_context: { name: 'Ana', addresses: [{ city: 'Madrid' }, { city: 'Lugo' }] },
  orders: Array.from({ length: 60 }, (_, index) => ({
    id: `P-${1000 + index}`,
    status: index === 57 ? 'Devuelto' : 'Entregado',
    total: index + 0.5,
  })),
  business_data: {
    hours: { Monday: '9 a 18', Sunday: 'cerrado' },
    'return policy': '30 días',
    currency: 'EUR',
  },
};
const ask = (asked: string) => lookUp(dataTools, asked, 'es');

describe('what a caller has just named', () => {
  const told = (said: string) => recall(dataTools, said, 'es');

  it.each(['¿En qué estado está el pedido P-1042?', 'el pedido pe 1042', 'P1042'])('«%s» is told', (said) => {
    expect(told(said)).toContain('P-1042');
    expect(told(said)?.split('\n').length).toBeLessThanOrEqual(3);
  });

  it('may be a word of the data', () => {
    expect(told('¿Qué pasa con lo que he devuelto?')).toContain('P-1057');
    expect(told('la dirección de Lugo')).toContain('Lugo');
  });

  it.each(['Hola, ¿qué tal?', '¿Cuántos pedidos entregados tengo?', '', 'el pedido 99999'])(
    '«%s» names nothing',
    (said) => {
      expect(told(said)).toBeUndefined();
    },
  );
});

describe('look_up', () => {
  it.each([
    '/business_data/hours',
    'business_data.hours',
    'business_data/hours/',
    ' Business_Data > Hours ',
    '"/business_data/hours"',
    'Negocio, horario',
    'businessData.hours',
    '$.business_data.hours',
  ])('finds the same by «%s»', (asked) => {
    expect(ask(asked)).toBe('Negocio, horario, monday: 9 a 18\nNegocio, horario, sunday: cerrado');
  });

  it('counts from 0 in paths, and tells from 1 as the prompt does', () => {
    expect(ask('/orders/57')).toContain('Pedidos 58, estado: Devuelto');
    expect(ask('orders[57].status')).toBe('Pedidos 58, estado: Devuelto');
    expect(ask('Pedidos.57.Estado')).toBe('Pedidos 58, estado: Devuelto');
  });

  it('tells a long list as far as it fits and says where to go on, until its end', () => {
    const told: string[] = [];
    let asked = '/orders';
    for (let page = 0; page < 30; page += 1) {
      const lines = ask(asked).split('\n');
      const next = /sigue por (\S+)\.\)$/u.exec(lines.at(-1) ?? '')?.[1];
      told.push(...(next === undefined ? lines : lines.slice(0, -1)));
      expect(estimateTokens(lines.join('\n'), 'es')).toBeLessThan(440);
      if (next === undefined) break;
      asked = next;
    }
    expect(told).toHaveLength(60);
    expect(told[59]).toContain('P-1059');
  });

  it('finds what words in the data say, as small a part as has them all', () => {
    expect(ask('pedido P-1042')).toMatch(/^Pedidos 43, identificador: P-1042\n/u);
    expect(ask('¿cuál es el pedido devuelto?')).toContain('P-1057');
    expect(ask('política de devoluciones return policy')).toBe('Negocio, return policy: 30 días');
    expect(ask('domingo sunday')).toBe('Negocio, horario, sunday: cerrado');
    expect(ask('lugo')).toBe('Usuario, addresses 2, ciudad: Lugo');
  });

  it('says that there is nothing, and what there is', () => {
    expect(ask('/facturas')).toBe(
      'No hay nada en «/facturas». Hay datos en: /user_context, /orders, /business_data.',
    );
    expect(lookUp({}, 'x', 'en')).toContain('There is nothing at «x»');
    expect(ask('')).toContain('Hay datos en');
  });

  it('reaches nothing that is not the data', () => {
    for (const asked of ['__proto__', 'constructor', '/orders/length', 'toString', '/orders/-1']) {
      expect(ask(asked)).not.toMatch(/function|native|object|: 60$/u);
    }
  });

  it('answers anything within its budget, on lines without a tag or a fence', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (value, asked) => {
        const data = JSON.parse(JSON.stringify(value)) as DataTools;
        for (const question of [asked, ...Object.keys(data)]) {
          const text = lookUp(data, question, 'es');
          expect(text).not.toBe('');
          expect(estimateTokens(text, 'es')).toBeLessThan(530);
          expect(text).not.toMatch(/<\||\|>|<\/|```|[{}]/u);
        }
      }),
    );
  });
});
