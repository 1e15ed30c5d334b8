import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { createDataToolsHook, type DataToolsHook } from '../../src/integrations/data-tools-hook.ts';
import { signatureHeaders } from '../../src/integrations/signature.ts';
import { type DataTools, parseDataTools } from '../../src/sessions/data-tools.ts';
import { answering, type HttpReceiver, type Received, startHttpReceiver } from '../support/http-receiver.ts';
import { logLines } from '../support/log-lines.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const ANA = { userId: 'ana', profile: 'browser', channel: 'browser', language: 'es' };

let receiver: HttpReceiver;
let hook: DataToolsHook<DataTools>;
let lines: string[];

beforeEach(async () => {
  receiver = await startHttpReceiver();
});
afterEach(async () => {
  hook.close();
  await receiver.stop();
});

/** A hook whose start waits no longer than 200 ms. */
function hookWith(env: Record<string, string> = {}) {
  const config = loadConfig({ WEBHOOK_SECRET: SECRET, DATA_TOOLS_TIMEOUT_MS: '200', ...env });
  const said = logLines();
  lines = said.lines;
  hook = createDataToolsHook({ config, url: receiver.url, log: said.log, parse: parseDataTools });
  return hook;
}

const known = (dataTools: DataTools) => answering(200, { user_id: 'ana', data_tools: dataTools });
/** Answers when it is told to. */
function held() {
  const waiting: ServerResponse[] = [];
  receiver.answer = (_request: Received, response: ServerResponse) => waiting.push(response);
  return (dataTools: DataTools) => {
    for (const response of waiting.splice(0)) response.end(JSON.stringify({ data_tools: dataTools }));
  };
}

describe('the hook', () => {
  it('is asked who the user is, signed, and its answer is what is known', async () => {
    receiver.answer = known({ user_context: { name: 'Ana' } });
    expect(await hookWith().lookUp(ANA)).toEqual({ dataTools: { user_context: { name: 'Ana' } } });
    const [got] = receiver.received;
    expect(got?.body).toEqual({ user_id: 'ana', profile: 'browser', channel: 'browser', language: 'es' });
    const id = String(got?.headers['webhook-id']);
    const at = new Date(Number(got?.headers['webhook-timestamp']) * 1000);
    expect(got?.headers).toMatchObject(signatureHeaders([SECRET], { id, at, body: got?.text ?? '' }));
  });

  it('that does not know the user leaves them without data', async () => {
    receiver.answer = answering(404);
    expect(await hookWith().lookUp(ANA)).toEqual({ dataTools: {} });
    expect(lines).toEqual([]);
  });

  it('is asked once more when it is busy or hangs up, and no more', async () => {
    const answers = [answering(503), known({ n: 1 })];
    receiver.answer = (request, response) => answers.shift()?.(request, response);
    expect(await hookWith({ DATA_TOOLS_TIMEOUT_MS: '5000' }).lookUp(ANA)).toEqual({ dataTools: { n: 1 } });
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    receiver.answer = (_request, response) => response.destroy();
    expect(await hook.lookUp({ ...ANA, userId: 'juan' })).toEqual({ dataTools: undefined });
    expect(receiver.received).toHaveLength(4);
  });

  it.each<[string, (request: Received, response: ServerResponse) => unknown, RegExp]>([
    ['refuses', answering(401), /HTTP 401/],
    ['fails', answering(500), /HTTP 500/],
    ['redirects', answering(302, undefined, { location: 'http://127.0.0.1:9/' }), /HTTP 302/],
    ['answers another thing', answering(200, ['secreto']), /is not/],
    ['answers no JSON', (_request, response) => response.end('<secreto>'), /is not/],
    ['answers about another user', answering(200, { user_id: 'juan', data_tools: {} }), /another user/],
    ['answers no object', answering(200, { data_tools: 'secreto' }), /CHARLA_DATA_TOOLS_INVALID/],
    ['answers a forbidden key', answering(200, { data_tools: { secreto: { prototype: 1 } } }), /INVALID/],
    ['answers too much', answering(200, { data_tools: { a: 'x'.repeat(260 * 1024) } }), /TOO_LARGE/],
    ['answers far too much', answering(200, { data_tools: { a: 'x'.repeat(2 ** 20) } }), /300 KiB/],
  ])('that %s leaves a session without data, and a line that names nobody', async (_what, answer, reason) => {
    receiver.answer = answer;
    expect(await hookWith({ DATA_TOOLS_TIMEOUT_MS: '5000' }).lookUp(ANA)).toEqual({ dataTools: undefined });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(reason);
    expect(lines[0]).not.toMatch(/ana|juan|secreto|hooks/);
    expect(receiver.received).toHaveLength(1);
  });

  it('that answers late tells nothing now, and all of it later', async () => {
    const release = held();
    const { dataTools, late } = await hookWith().lookUp(ANA);
    expect(dataTools).toBeUndefined();
    release({ n: 1 });
    expect(await late).toEqual({ n: 1 });
    expect(await hook.lookUp(ANA)).toEqual({ dataTools: { n: 1 } });
  });

  it('is asked once by all who start a session of the user at the same time', async () => {
    const release = held();
    hookWith({ DATA_TOOLS_TIMEOUT_MS: '5000' });
    const lookUps = Array.from({ length: 20 }, () => hook.lookUp(ANA));
    const other = hook.lookUp({ ...ANA, profile: 'phone' });
    await vi.waitFor(() => expect(receiver.received).toHaveLength(2), 5_000);
    release({ n: 1 });
    for (const found of await Promise.all(lookUps)) expect(found).toEqual({ dataTools: { n: 1 } });
    await other;
    expect(receiver.received).toHaveLength(2);
  });
});

describe('an answer', () => {
  it('that is fresh is used without asking', async () => {
    receiver.answer = known({ n: 1 });
    await hookWith().lookUp(ANA);
    receiver.answer = known({ n: 2 });
    expect(await hook.lookUp(ANA)).toEqual({ dataTools: { n: 1 } });
    expect(receiver.received).toHaveLength(1);
  });

  it('that is stale is used at once, while the next is fetched', async () => {
    receiver.answer = known({ n: 1 });
    await hookWith({ DATA_TOOLS_FRESH_SECONDS: '0' }).lookUp(ANA);
    const release = held();
    const { dataTools, late } = await hook.lookUp(ANA);
    expect(dataTools).toEqual({ n: 1 });
    await vi.waitFor(() => expect(receiver.received).toHaveLength(2), 5_000);
    release({ n: 2 });
    expect(await late).toEqual({ n: 2 });
    expect((await hook.lookUp(ANA)).dataTools).toEqual({ n: 2 });
  });

  it('that is stale goes on being used while the hook is away', async () => {
    receiver.answer = known({ n: 1 });
    await hookWith({ DATA_TOOLS_FRESH_SECONDS: '0' }).lookUp(ANA);
    await receiver.stop();
    const { dataTools, late } = await hook.lookUp(ANA);
    expect(dataTools).toEqual({ n: 1 });
    expect(await late).toBeUndefined();
    expect((await hook.lookUp(ANA)).dataTools).toEqual({ n: 1 });
    await receiver.start();
  });

  it('that is too old is forgotten', async () => {
    receiver.answer = known({ n: 1 });
    await hookWith({ DATA_TOOLS_FRESH_SECONDS: '0', DATA_TOOLS_STALE_SECONDS: '1' }).lookUp(ANA);
    receiver.answer = answering(500);
    await sleep(1_100);
    expect((await hook.lookUp(ANA)).dataTools).toBeUndefined();
  });

  it('is not kept where nothing is to be kept', async () => {
    receiver.answer = known({ n: 1 });
    await hookWith({ DATA_TOOLS_FRESH_SECONDS: '0', DATA_TOOLS_STALE_SECONDS: '0' }).lookUp(ANA);
    receiver.answer = answering(500);
    expect((await hook.lookUp(ANA)).dataTools).toBeUndefined();
  });

  it('of an earlier question does not take the place of a later one', async () => {
    const release = held();
    const { late } = await hookWith().lookUp(ANA);
    receiver.answer = known({ n: 2 });
    expect(await hook.refresh(ANA)).toEqual({ n: 2 });
    release({ n: 1 });
    await late;
    expect(await hook.lookUp(ANA)).toEqual({ dataTools: { n: 2 } });
  });
});

describe('asking again', () => {
  it('asks whatever is known, and says why it failed', async () => {
    receiver.answer = known({ n: 1 });
    await hookWith().lookUp(ANA);
    receiver.answer = known({ n: 2 });
    expect(await hook.refresh(ANA)).toEqual({ n: 2 });
    receiver.answer = answering(500);
    const failed = { code: 'CHARLA_DATA_TOOLS_HOOK_FAILED', status: 502 };
    await expect(hook.refresh(ANA)).rejects.toMatchObject({
      ...failed,
      message: expect.stringMatching(/127\.0\.0\.1:\d+ failed: HTTP 500\./),
    });
    receiver.answer = () => undefined;
    await expect(hook.refresh(ANA)).rejects.toMatchObject({
      ...failed,
      message: expect.stringContaining('no answer within 200 ms'),
    });
  });
});
