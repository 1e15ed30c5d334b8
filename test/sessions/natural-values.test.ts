import { describe, expect, it } from 'vitest';
import { moneyText, naturalText, numberText } from '../../src/sessions/natural-values.ts';

describe('values as people write them', () => {
  it.each([
    ['2026-05-03', '3 de mayo de 2026', 'May 3, 2026'],
    ['2026-05-03T10:30:00', '3 de mayo de 2026, 10:30', 'May 3, 2026, 10:30 AM'],
    ['2026-05-03 21:05', '3 de mayo de 2026, 21:05', 'May 3, 2026, 9:05 PM'],
    ['2026-05-03T21:05:00.123+02:00', '3 de mayo de 2026, 21:05', 'May 3, 2026, 9:05 PM'],
    ['2026-05-03T10:30:00.000Z', '3 de mayo de 2026, 10:30 UTC', 'May 3, 2026, 10:30 AM UTC'],
    ['2026-05-03T00:00:00.000Z', '3 de mayo de 2026', 'May 3, 2026'],
    [
      'de 2026-05-03 a 2026-05-07.',
      'de 3 de mayo de 2026 a 7 de mayo de 2026.',
      'de May 3, 2026 a May 7, 2026.',
    ],
    ['10:30:00', '10:30', '10:30'],
    ['1200.5 EUR', '1.200,50 €', '€1,200.50'],
    ['EUR 1200', '1.200 €', '€1,200'],
    ['99.90€', '99,90 €', '€99.90'],
    ['-12 USD', '-12 US$', '-$12'],
  ])('%s', (text, es, en) => {
    expect(naturalText(text, { language: 'es' })).toBe(es);
    expect(naturalText(text, { language: 'en' })).toBe(en);
  });

  it.each([
    '2026-13-03',
    '2026-02-30',
    'INV-2026-05-03',
    '2026-05-03-7',
    '#1234',
    '1.200,50 €',
    '1,200 EUR',
    '12 ABC',
    'v2.0.0',
    '600 123 456',
    '192.168.0.1',
    '10:30:45',
  ])('%s stays', (text) => {
    expect(naturalText(text, { language: 'es' })).toBe(text);
  });

  it('numbers have the decimal sign of the language, and no other sign', () => {
    expect(numberText(12.5, { language: 'es' })).toBe('12,5');
    expect(numberText(12.5, { language: 'en' })).toBe('12.5');
    expect(numberText(1200, { language: 'es' })).toBe('1200');
    expect(numberText(1e21, { language: 'es' })).toBe('1e+21');
  });

  it('there is no sum in a currency that does not exist', () => {
    expect(moneyText(5, 'puntos', { language: 'es' })).toBeUndefined();
    expect(moneyText(5, 'eur', { language: 'es' })).toBe('5 €');
  });
});
