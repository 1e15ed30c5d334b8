import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import type { DataTools } from '../../src/sessions/data-tools.ts';
import { renderDataTools } from '../../src/sessions/render-data-tools.ts';

const page = await readFile(new URL('../../docs/data-tools.md', import.meta.url), 'utf8');
const block = (kind: string) => new RegExp(`\`\`\`${kind}\\n([\\s\\S]*?)\`\`\``, 'u').exec(page)?.[1] ?? '';

it('the data of docs/data-tools.md are told as it shows', () => {
  const { text, isCut } = renderDataTools(JSON.parse(block('json')) as DataTools, 'es', { maxTokens: 900 });
  expect(`${text}\n`).toBe(block('text'));
  expect(isCut).toBe(false);
});
