import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { phoneSettings, phoneTools } from '../../src/sessions/phone-settings.ts';
import { profileSettingsSchema } from '../../src/sessions/profile.ts';
import { FINAL_OUTCOMES } from '../../src/telemetry/call-event.ts';

const text = await readFile(new URL('../../docs/phone-agent.md', import.meta.url), 'utf8');

it('the guide shows every setting of telephone calls, as a profile takes it', () => {
  const [, json = ''] = /```json\n(.*?)```/su.exec(text) ?? [];
  const shown = JSON.parse(json) as Record<string, object>;
  // Nothing is missing that a profile would fill in by itself.
  expect(profileSettingsSchema.parse(shown)).toEqual(shown);
  expect(Object.keys(shown.tools ?? {}).sort()).toEqual(Object.keys(phoneTools).sort());
  for (const name of Object.keys(phoneSettings)) expect(Object.keys(shown)).toContain(name);
});

it('the guide names every outcome after which a conversation is over', () => {
  for (const outcome of FINAL_OUTCOMES) expect(text).toContain(`\`${outcome}\``);
});
