import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createKeys } from '../../../src/channels/telnyx/keys.ts';

it('brings each key once, in order, whoever tells of it first', () => {
  const digits = fc.array(fc.constantFrom(...'0123456789*#'), { maxLength: 20 });
  fc.assert(
    fc.property(digits, fc.array(fc.boolean(), { maxLength: 60 }), (pressed, order) => {
      const brought: string[] = [];
      const press = createKeys((digit) => brought.push(digit));
      const left = { stream: [...pressed], webhook: [...pressed] };
      const tell = (from: keyof typeof left) => {
        const digit = left[from].shift();
        if (digit !== undefined) press(from, digit);
      };
      for (const isStream of order) tell(isStream ? 'stream' : 'webhook');
      while (left.stream.length > 0) tell('stream');
      while (left.webhook.length > 0) tell('webhook');
      expect(brought).toEqual(pressed);
    }),
  );
});

it('brings all of them where only one of the two tells', () => {
  for (const from of ['stream', 'webhook'] as const) {
    const brought: string[] = [];
    const press = createKeys((digit) => brought.push(digit));
    for (const digit of '4419#') press(from, digit);
    expect(brought.join('')).toBe('4419#');
  }
});
