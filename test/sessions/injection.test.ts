import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPrompts } from '../../src/agent/prompts.ts';
import { dataToolsTerms } from '../../src/sessions/data-tools-terms.ts';
import { firstName } from '../../src/sessions/first-name.ts';
import { lookUp } from '../../src/sessions/look-up.ts';
import { plainText } from '../../src/sessions/plain-text.ts';
import { renderDataTools } from '../../src/sessions/render-data-tools.ts';
import { type Attack, dataToolsWith, loadAttacks } from '../support/attacks.ts';
import { type LocalTokenizer, openLocalTokenizer } from '../support/local-tokenizer.ts';

const attacks = loadAttacks();
const LANGUAGES = ['es', 'en'] as const;
const FENCE = { es: 'datos', en: 'data' };
/** Everything that could open or close something in a prompt, whoever's template it is. */
const SYNTAX = /<\/?[\p{L}_]|<\||\|>|<<|>>|\[\/?(?:INST|SYSTEM_PROMPT|TOOL_RESULTS)\]|```|---|###|[{}]/u;
/** Characters that nobody sees, but the ends of our own lines. */
const UNSEEN = /[^\P{C}\n]|\p{Default_Ignorable_Code_Point}|[\p{Zl}\p{Zp}]/u;

let tokenizer: LocalTokenizer;
beforeAll(async () => {
  tokenizer = await openLocalTokenizer();
});
afterAll(() => tokenizer.close());

/** The instructions around a person's data, as the agent has them. */
function instructions({ dataTools }: Pick<Attack, 'dataTools'>, language: 'es' | 'en'): string {
  const { text, isCut } = renderDataTools(dataTools, language, { maxTokens: 900 });
  return loadPrompts(language).instructions({ project: 'Charla', data: text, canLookUp: isCut });
}

/** Before, inside and behind the fence; a prompt that has another number of them fails. */
function parts(prompt: string, language: 'es' | 'en'): string[] {
  return prompt.split(new RegExp(`</?${FENCE[language]}>`, 'iu'));
}

it('the corpus holds at least forty attacks, in both languages and in every place', () => {
  expect(attacks.length).toBeGreaterThanOrEqual(40);
  for (const language of LANGUAGES) {
    const places = attacks.filter((one) => one.language === language).map((one) => one.in);
    expect(new Set(places).size).toBeGreaterThanOrEqual(5);
  }
  expect(new Set(attacks.map(({ id }) => id)).size).toBe(attacks.length);
});

describe.each(LANGUAGES)('in a prompt in %s, an attack', (language) => {
  it.each(attacks.map((attack) => [attack.id, attack] as const))('%s stays inside the fence', (_, attack) => {
    const prompt = parts(instructions(attack, language), language);
    const harmless = parts(instructions({ dataTools: dataToolsWith(attack.in, 'x') }, language), language);
    expect(prompt).toHaveLength(3);
    // What stands around the data is ours, to the letter.
    expect([prompt[0], prompt[2]]).toEqual([harmless[0], harmless[2]]);
    expect(prompt[1]).not.toMatch(SYNTAX);
    expect(prompt[1]).not.toMatch(UNSEEN);
    expect(prompt[1]).not.toMatch(/^(?:system|user|assistant|sistema|asistente)\s*:/imu);
  });

  it.each(attacks.map((attack) => [attack.id, attack] as const))(
    '%s makes no special token of the local model, in instructions and in what a tool returns',
    (_, attack) => {
      const rendered = ({ dataTools }: Pick<Attack, 'dataTools'>) =>
        tokenizer.template.render(
          [
            { role: 'system', content: instructions({ dataTools }, language) },
            { role: 'user', content: 'Hola' },
            {
              role: 'assistant',
              content: '',
              toolCalls: [{ id: 'c', name: 'look_up', arguments: '{"path":"/orders/32"}' }],
            },
            {
              role: 'tool',
              toolCallId: 'c',
              content: JSON.stringify(lookUp(dataTools, '/orders/32', language)),
            },
          ],
          [],
        );
      const harmless = rendered({ dataTools: dataToolsWith(attack.in, 'x') });
      expect(tokenizer.specialTokens(rendered(attack))).toBe(tokenizer.specialTokens(harmless));
    },
  );
});

it('the same text as it came would make special tokens, and more than one fence', () => {
  const raw = attacks.map(({ text }) => text).join('\n');
  expect(tokenizer.specialTokens(raw)).toBeGreaterThan(5);
  expect(raw.split('</datos>').length).toBeGreaterThan(2);
  expect(attacks.filter(({ text }) => SYNTAX.test(text)).length).toBeGreaterThan(20);
  expect(attacks.filter(({ text }) => UNSEEN.test(text)).length).toBeGreaterThan(5);
});

describe('elsewhere, an attack', () => {
  it.each(attacks.map((attack) => [attack.id, attack] as const))('%s is no greeting', (_, { dataTools }) => {
    expect(firstName(dataTools) ?? '').toMatch(/^[\p{L}\p{M}\p{N}'’.-]{0,40}$/u);
  });

  it.each(attacks.map((attack) => [attack.id, attack] as const))(
    '%s is no syntax in what speech recognition is told',
    (_, { dataTools }) => {
      const terms = dataToolsTerms(dataTools).join(', ');
      expect(terms).not.toMatch(SYNTAX);
      expect(terms).not.toMatch(UNSEEN);
    },
  );

  it.each(attacks.map((attack) => [attack.id, attack] as const))(
    '%s stays data when a tool looks for it, or fails to',
    (_, { dataTools, text, language }) => {
      for (const found of [lookUp(dataTools, '/orders/32', language), lookUp(dataTools, text, language)]) {
        expect(found).not.toMatch(SYNTAX);
        expect(found).not.toMatch(UNSEEN);
      }
      expect(plainText(text)).not.toMatch(SYNTAX);
    },
  );
});
