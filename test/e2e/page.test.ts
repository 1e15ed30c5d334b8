import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { CALLER_SAMPLE_RATE } from '../support/caller.ts';
import { launchChromium } from '../support/chromium.ts';
import { missingFacts } from '../support/facts.ts';
import { callerSpeech, toWav } from '../support/speech.ts';

const { apiUrl, inferenceUrl } = inject('stack');
/** Chromium starts its fake microphone with the page: this much silence lets the greeting be heard first. */
const SILENCE_BEFORE_S = 9;
const SILENCE_AFTER_S = 60;
const LOUDEST_SOUND = join(import.meta.dirname, '..', 'support', 'loudest-sound.js');

let browser: Browser;
let page: Page;
let folder: string;

beforeAll(async () => {
  const question = await callerSpeech(
    inferenceUrl,
    'Quisiera saber qué cosas tengo ahora mismo en el carrito.',
  );
  const microphone = new Int16Array(
    CALLER_SAMPLE_RATE * (SILENCE_BEFORE_S + SILENCE_AFTER_S) + question.length,
  );
  microphone.set(question, CALLER_SAMPLE_RATE * SILENCE_BEFORE_S);
  folder = await mkdtemp(join(tmpdir(), 'charla-page-'));
  const wav = join(folder, 'microphone.wav');
  await writeFile(wav, toWav(microphone));
  browser = await launchChromium(
    `--use-file-for-fake-audio-capture=${wav}%noloop`,
    '--autoplay-policy=no-user-gesture-required',
  );
  page = await browser.newPage();
});

afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('the page', () => {
  it('connects by itself, shows both sides of a spoken question, and plays the answer', async () => {
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    const dataTools = {
      user_context: { name: 'Carlos', cart: ['laptop', 'mouse'] },
      cart_data: { items: 2, total: 1200 },
    };
    await page.route('**/session/start', async (route) => {
      const sent = route.request().postDataJSON() as object;
      await route.continue({ postData: JSON.stringify({ ...sent, language: 'es', data_tools: dataTools }) });
    });
    await page.goto(apiUrl);

    const asked = page.getByTestId('transcript-user').first();
    await asked.waitFor({ timeout: 60_000 });
    const firstWords = (await asked.textContent()) ?? '';
    expect(missingFacts(firstWords, [['carrito']], true), 'words that were not spoken yet').not.toEqual([]);
    await asked.filter({ hasText: /carrito/i }).waitFor({ timeout: 10_000 });

    const loudness = await page.evaluate<number>(await readFile(LOUDEST_SOUND, 'utf8'));
    expect(loudness, 'the level of the agent in the page').toBeGreaterThan(0.01);

    const answered = page.getByTestId('transcript-agent').filter({ hasText: /laptop|mouse|1\.?200/i });
    await answered.first().waitFor({ timeout: 30_000 });
    await page.getByTestId('latency').first().waitFor({ state: 'attached' });
    expect(errors).toEqual([]);
  });

  it('sends a changed cart into the call and gets a typed question answered from it', async () => {
    const editor = page.getByTestId('data-editor');
    if (!(await editor.isVisible())) await page.getByRole('tab', { name: /datos|data/i }).click();
    await editor.fill(
      JSON.stringify({
        user_context: { name: 'Carlos', cart: ['teclado'] },
        cart_data: { items: 1, total: 40 },
      }),
    );
    const saved = page.waitForResponse((response) => response.url().includes('/data-tools') && response.ok());
    await page.getByTestId('data-send').click();
    await saved;

    await page.getByTestId('chat-input').fill('¿Qué tengo en el carrito?');
    await page.getByTestId('chat-input').press('Enter');
    await page
      .getByTestId('transcript-agent')
      .filter({ hasText: /teclado/i })
      .first()
      .waitFor({ timeout: 30_000 });
  });

  it('hangs up, and calls again', async () => {
    await page.getByTestId('hangup').click();
    await page.getByTestId('connect').click();
    await page.getByTestId('hangup').waitFor({ timeout: 20_000 });
  });
});
