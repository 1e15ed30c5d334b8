import { describe, expect, it } from 'vitest';
import { dataToolsTerms } from '../../src/sessions/data-tools-terms.ts';

describe('terms for speech recognition', () => {
  it('are names, products and ticket numbers, those of the user first', () => {
    expect(
      dataToolsTerms({
        app_data: { issues: ['login'] },
        user_context: { name: 'Ana', tickets: ['#1234'], cart: ['laptop', 'LAPTOP'] },
      }),
    ).toEqual(['Ana', '#1234', 'laptop', 'login']);
  });

  it('leave out what nobody says: addresses, selectors, sentences, versions, private data', () => {
    expect(
      dataToolsTerms({
        private: { plan: 'gold' },
        tour_data: { steps: [{ title: 'Inicio', element: '#home' }] },
        site: 'https://example.com',
        email: 'ana@example.com',
        version: '1.5.2',
        note: 'this is a whole sentence that goes on',
      }),
    ).toEqual(['Inicio']);
  });

  it('are at most forty', () => {
    expect(
      dataToolsTerms({ items: Array.from({ length: 100 }, (_, index) => `producto ${index}`) }),
    ).toHaveLength(40);
  });
});
