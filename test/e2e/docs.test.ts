import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { apiContract } from '../support/api-contract.ts';
import { launchChromium } from '../support/chromium.ts';

const { apiUrl } = inject('stack');
/** Of an invisible picture that Swagger UI brings; without its inline style it is as invisible. */
const DROPPED_STYLE = 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w=';
let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser?.close());

it('the reader of the API shows every operation, and tries one, under the security policy of the page', async () => {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes(DROPPED_STYLE)) errors.push(message.text());
  });
  await page.goto(`${apiUrl}/docs`);

  const { operations } = apiContract(await (await fetch(`${apiUrl}/openapi.json`)).json());
  const shown = page.locator('.opblock');
  await shown.first().waitFor();
  expect(await shown.count()).toBe(operations.length);

  const settings = shown.filter({ hasText: '/settings' });
  await settings.locator('.opblock-summary-control').click();
  await settings.getByRole('button', { name: 'Try it out' }).click();
  await settings.getByRole('button', { name: 'Execute' }).click();
  await settings.locator('.live-responses-table .response-col_status', { hasText: '200' }).waitFor();
  expect(errors).toEqual([]);
});
