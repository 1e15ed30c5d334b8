import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { configSchema } from '../../src/config/config.ts';
import { postSigned } from '../../src/integrations/post-signed.ts';
import { signatureHeaders } from '../../src/integrations/signature.ts';
import { freePort } from '../support/livekit-server.ts';

const page = await readFile(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;

function block(language: string): string {
  return new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'm').exec(page)?.[1] ?? '';
}

it('docs/webhooks.md names the variables that there are, with their defaults', () => {
  const defaults: Record<string, unknown> = configSchema.parse({});
  const named = [...page.matchAll(/^\| `(\w+)` .*?(?:; (\d+))? +\|$/gm)];
  expect(named.length).toBeGreaterThan(5);
  for (const [, name = '', value] of named) {
    expect(configSchema.shape).toHaveProperty(name);
    if (value !== undefined) expect(String(defaults[name])).toBe(value);
  }
});

describe.each([
  ['js', 'receiver.mjs', 'node'],
  ['python', 'receiver.py', 'python3'],
])('the receiver of docs/webhooks.md in %s', (language, file, command) => {
  let folder: string;
  let url: string;
  let stop: () => Promise<unknown>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'charla-webhooks-'));
    await writeFile(join(folder, file), block(language));
    const port = await freePort();
    url = `http://127.0.0.1:${port}/`;
    const env = { PORT: String(port), WEBHOOK_SECRET: SECRET };
    const child = execa(command, [file], { cwd: folder, env, reject: false });
    stop = () => {
      child.kill('SIGKILL');
      return child;
    };
    await vi.waitFor(() => expect(send(OTHER)).resolves.toBe(401), { timeout: 15_000, interval: 100 });
  }, 20_000);
  afterAll(async () => {
    await stop?.();
    await rm(folder, { recursive: true });
  });

  const body = JSON.stringify({ type: 'session.updated', data: { name: 'Ana Peñalver' } });
  const send = async (...secrets: string[]) => {
    const limits = { timeoutMs: 5_000, maxAnswerBytes: 1_024, signal: new AbortController().signal };
    return (await postSigned(url, { id: 'msg_1', body, secrets, ...limits })).status;
  };
  const sendWith = async (headers: Record<string, string>, text = body) =>
    (await fetch(url, { method: 'POST', headers, body: text })).status;
  const signedAt = (ms: number) =>
    signatureHeaders([SECRET], { id: 'msg_1', at: new Date(Date.now() + ms), body });

  it('takes what Charla signed, also while the secret is changed', async () => {
    expect(await send(SECRET)).toBe(204);
    expect(await send(OTHER, SECRET)).toBe(204);
  });

  it('refuses what others signed, nobody did, was changed, or is old', async () => {
    expect(await send(OTHER)).toBe(401);
    expect(await send()).toBe(401);
    expect(await sendWith(signedAt(0))).toBe(204);
    expect(await sendWith(signedAt(0), body.replace('Ana', 'Eva'))).toBe(401);
    expect(await sendWith({ ...signedAt(0), 'webhook-id': 'msg_2' })).toBe(401);
    expect(await sendWith(signedAt(-400_000))).toBe(401);
    expect(await sendWith(signedAt(400_000))).toBe(401);
    expect(await sendWith({})).toBe(401);
  });
});
