import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { phoneNumber, shownNumber, spellings } from '../../src/sessions/phone-number.ts';

describe('the number that a carrier shows', () => {
  it('is kept as every number is', () => {
    expect(shownNumber('sip:+34911234567@carrier.example')).toBe('+34911234567');
  });

  it.each([undefined, null, '', 'Anonymous', 'unavailable', '+266696687', 'ana'])(
    'is none for %s',
    (given) => {
      expect(shownNumber(given)).toBeNull();
    },
  );
});

describe('a telephone number', () => {
  it.each([
    ['+34911234567', '+34911234567'],
    [' +34 911 23-45.67 ', '+34911234567'],
    ['+34 (911) 234567', '+34911234567'],
    ['0034911234567', '+34911234567'],
    ['tel:+34911234567;phone-context=es', '+34911234567'],
    ['sip:+34911234567@carrier.example;user=phone', '+34911234567'],
    ['SIPS:911234567@carrier.example', '911234567'],
    ['200', '200'],
  ])('«%s» is kept as %s', (given, kept) => {
    expect(phoneNumber(given)).toBe(kept);
  });

  it.each([
    '',
    'anonymous',
    'sip:ana@pbx.example',
    '+',
    '+1',
    '12345678901234567',
    '+34911x',
    '9+1',
    'sip:@x',
  ])('«%s» is none', (given) => {
    expect(phoneNumber(given)).toBeUndefined();
  });

  it('stays as it is when it is read again, whatever was given', () => {
    const parts = fc.constantFrom(
      '+',
      '00',
      '34',
      '911',
      '2',
      ' ',
      '-',
      '(',
      ')',
      '.',
      '@',
      ';',
      'sip:',
      'tel:',
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 12 }), (given) => {
        const once = phoneNumber(given.join(''));
        if (once === undefined) return;
        expect(phoneNumber(once)).toBe(once);
        expect(spellings(once)).toContain(once);
      }),
    );
  });

  it('is the same one with and without its plus', () => {
    expect(spellings('+34911234567')).toEqual(spellings('34911234567'));
  });
});
