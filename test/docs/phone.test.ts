import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { sipConfig } from '../../src/cli/dev/sip-config.ts';
import { loadConfig } from '../../src/config/config.ts';
import { readSipFiles } from '../../src/rooms/sip-files.ts';

const PAGE = await readFile('docs/phone.md', 'utf8');
/** A block of code after the line that names its file. */
const BLOCK = /`([\w-]+\.json)`\n\n```json\n([\s\S]*?)```/g;

it('the files of docs/phone.md are read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'charla-docs-phone-'));
  const blocks = [...PAGE.matchAll(BLOCK)];
  for (const [, name = '', text = ''] of blocks) await writeFile(join(folder, name), text);
  const paths = {
    inboundTrunk: join(folder, 'inbound-trunk.json'),
    outboundTrunk: join(folder, 'outbound-trunk.json'),
    dispatchRule: join(folder, 'dispatch-rule.json'),
  };
  const files = await readSipFiles(paths, { SIP_AUTH_PASSWORD: 'x' }, { required: ['inboundTrunk'] });
  expect(Object.keys(files).toSorted()).toEqual(['dispatchRule', 'inboundTrunk', 'outboundTrunk']);
  expect(files.outboundTrunk?.authPassword).toBe('x');
  await rm(folder, { recursive: true });
});

it('the configuration of livekit-sip in docs/phone.md has names that ours has, which livekit-sip is tested with', () => {
  const [, shown = ''] = /```yaml\n# sip\.yaml\n([\s\S]*?)```/.exec(PAGE) ?? [];
  const ours = Object.keys(parse(sipConfig(loadConfig({}), { redisPort: 1 })));
  const others = Object.keys(parse(shown)).filter((name) => !ours.includes(name));
  // It hides the port from strangers, of whom there are none on loopback.
  expect(others).toEqual(['hide_inbound_port']);
});

it('docs/phone.md names the port that softphones call', () => {
  expect(PAGE).toContain(`127.0.0.1:${loadConfig({}).SIP_PORT}`);
});
