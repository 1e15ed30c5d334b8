import { RoomServiceClient } from 'livekit-server-sdk';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadPrompts } from '../../src/agent/prompts.ts';
import { resampled } from '../../src/channels/resampled.ts';
import { type DevStack, fixedModels, startDevStack } from '../support/dev-stack.ts';
import {
  type ChatMessage,
  type FixedEngines,
  type FixedToolCall,
  startFixedEngines,
} from '../support/fixed-engines.ts';
import { freePort } from '../support/livekit-server.ts';
import { recordedSpeech, SPEECH_SAMPLE_RATE } from '../support/recorded-speech.ts';
import { type SipStack, startSipStack } from '../support/sip-stack.ts';
import { Softphone } from '../support/softphone.ts';

const AGENT = 'phone-tools';
const OURS = '+34911234567';
const SUPPORT = '+34600000002';
const { phrases } = loadPrompts('es');

let sip: SipStack;
let engines: FixedEngines;
let dev: DevStack;
let rooms: RoomServiceClient;
/** What the agent's ears make of any sound. */
let heard: string;
const phones: Softphone[] = [];
const trunks: string[] = [];

/** What a large model would do with keys; a small one cannot be trusted with tools. */
function model(messages: ChatMessage[]): string | FixedToolCall {
  const said = messages.findLast(({ role }) => role === 'user')?.content ?? '';
  if (said === '[teclas] 1') return { call: 'hang_up', args: {} };
  if (said === '[teclas] 2') return { call: 'transfer', args: { to: 'soporte' } };
  if (said === '[teclas] 3') return { call: 'transfer', args: { to: 'nadie' } };
  if (said === '[teclas] 4') return { call: 'send_dtmf', args: { digits: '12#' } };
  if (said.startsWith('[teclas]')) return `Has pulsado ${said.slice('[teclas] '.length)}.`;
  return 'Vale.';
}

beforeAll(async () => {
  sip = await startSipStack();
  await sip.takeCalls({ agentName: AGENT });
  engines = await startFixedEngines({
    transcript: () => heard,
    answer: model,
    msPerCharacter: 30,
  });
  dev = await startDevStack({
    ...fixedModels(engines, sip.livekit.url, AGENT),
    LIVEKIT_API_KEY: sip.livekit.apiKey,
    LIVEKIT_API_SECRET: sip.livekit.apiSecret,
  });
  const { url, apiKey, apiSecret } = sip.livekit;
  rooms = new RoomServiceClient(url.replace('ws', 'http'), apiKey, apiSecret);
});
afterAll(async () => {
  await dev?.stop();
  await engines?.close();
  await sip?.stop();
});
beforeEach(() => {
  heard = 'Quiero seguir hablando.';
});
afterEach(async () => {
  await Promise.all(phones.splice(0).map((phone) => phone.stop()));
  await Promise.all(trunks.splice(0).map((id) => sip.sip.deleteSipTrunk(id)));
  await expect.poll(() => rooms.listRooms(), { timeout: 30_000 }).toEqual([]);
});

async function pickUp(options: { number?: string; answers?: boolean } = {}): Promise<Softphone> {
  const phone = await Softphone.start(options);
  phones.push(phone);
  return phone;
}

async function profile(settings: object): Promise<void> {
  const response = await fetch(`${dev.apiUrl}/profiles/phone`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ numbers: [OURS], ...settings }),
  });
  expect(response.ok, await response.clone().text()).toBe(true);
}

/** Calls, and hears the greeting out. */
async function call(): Promise<Softphone> {
  const phone = await pickUp();
  await phone.call(sip.uri(OURS));
  await phone.ears.until(() => phone.ears.firstSoundAfter(0), 20_000, 'the greeting');
  await phone.ears.quiet();
  await expect.poll(async () => (await newest()).outcome, { timeout: 10_000 }).toBeNull();
  return phone;
}

interface History {
  outcome: string | null;
  turns: { role: string; text: string; tools: { name: string; ok: boolean }[] }[];
}

/** The newest call, as the API tells it. */
async function newest(): Promise<History> {
  const list = (await (await fetch(`${dev.apiUrl}/calls?limit=1`)).json()) as { items: { id: string }[] };
  return (await (await fetch(`${dev.apiUrl}/calls/${list.items[0]?.id}`)).json()) as History;
}

async function outcome(): Promise<string | null> {
  await expect.poll(async () => (await newest()).outcome, { timeout: 15_000 }).not.toBeNull();
  return (await newest()).outcome;
}

const said = async (role: string) =>
  (await newest()).turns.filter((turn) => turn.role === role).map(({ text }) => text);
const agentSaid = (text: string) =>
  expect.poll(() => said('assistant'), { timeout: 30_000 }).toContainEqual(expect.stringContaining(text));
const voice = () => resampled(recordedSpeech(), SPEECH_SAMPLE_RATE, 8_000);

describe('an agent on the telephone', () => {
  it('hangs up when its goodbye was heard, and the caller sees that', async () => {
    await profile({});
    const phone = await call();
    const before = performance.now();
    await phone.press('1#');
    await phone.ended();
    const goodbye = phone.ears.recording(before).length / 8_000;
    // Not cut: as long as the voice takes for it.
    expect(goodbye).toBeGreaterThan((phrases.goodbye.length * 30) / 1_000);
    expect(await outcome()).toBe('agent_hung_up');
    const { turns } = await newest();
    expect(turns.flatMap(({ tools }) => tools)).toEqual([
      expect.objectContaining({ name: 'hang_up', ok: true }),
    ]);
    await agentSaid(phrases.goodbye);
  });

  it('does not hang up on a caller who goes on', async () => {
    await profile({});
    const phone = await call();
    const since = performance.now();
    await phone.press('1#');
    await phone.ears.until(() => phone.ears.firstSoundAfter(since), 10_000, 'a goodbye');
    await phone.say(voice());
    await agentSaid('Vale.');
    await phone.ears.quiet();
    expect(phone.endReason).toBeUndefined();
    await phone.hangUp();
    expect(await outcome()).toBe('participant_disconnected');
  });

  it('understands keys, up to # and up to a pause, and is interrupted by them', async () => {
    await profile({ digits: { timeout_ms: 1_000 } });
    const phone = await call();
    await phone.press('45210987#');
    await agentSaid('Has pulsado 45210987.');
    await phone.press('77');
    await agentSaid('Has pulsado 77.');
    await phone.hangUp();
    await outcome();
    expect(await said('user')).toEqual(['[teclas] 45210987', '[teclas] 77']);
    // Keys may be a PIN. As long as this one, it is not in an id by chance.
    expect(dev.output()).not.toContain('45210987');
  });

  it('presses keys', async () => {
    await profile({ tools: { send_dtmf: { allowed: true } } });
    const phone = await call();
    await phone.press('4#');
    await phone.ears.until(() => phone.pressed.length >= 3, 10_000, 'keys');
    expect(phone.pressed).toBe('12#');
    await phone.hangUp();
  });

  it('asks whoever is silent whether they are there, and hangs up at last', async () => {
    await profile({ silence: { after_s: 3, prompts: 1 } });
    const phone = await call();
    await agentSaid(phrases.still_there);
    await phone.ended();
    expect(await outcome()).toBe('silence');
    await agentSaid(phrases.silence_goodbye);
  });

  it('ends a call that has lasted long enough', async () => {
    await profile({ max_minutes: 0.5, silence: { after_s: 600 } });
    const phone = await call();
    await phone.ended(60_000);
    expect(await outcome()).toBe('time_limit');
    await agentSaid(phrases.time_over);
  });
});

describe('a transfer', () => {
  const to = (support: string, mode: 'refer' | 'leg', nobody = support) => ({
    tools: {
      transfer: {
        allowed: true,
        mode,
        ring_s: 5,
        to: [
          { name: 'soporte', number: support },
          { name: 'nadie', number: nobody },
        ],
      },
    },
  });

  it('by REFER: the caller talks with somebody else, and the agent is gone', async () => {
    const support = await pickUp({ number: SUPPORT, answers: true });
    await profile(to(support.uri, 'refer'));
    const phone = await call();
    await phone.press('2#');
    await support.established();
    expect(await outcome()).toBe('transferred');
    await agentSaid('Te paso con soporte.');
    await expect.poll(() => rooms.listRooms(), { timeout: 15_000 }).toEqual([]);
  });

  it('that nobody takes comes back, and the call goes on', async () => {
    const nobody = `sip:nadie@127.0.0.1:${await freePort()}`;
    await profile({ ...to(nobody, 'refer'), silence: { after_s: 3, prompts: 10 } });
    const phone = await call();
    await phone.press('3#');
    await agentSaid('Te paso con nadie.');
    await agentSaid('No contestan en nadie. ¿Te ayudo yo?');
    // Baresip keeps the caller on hold now, who neither speaks nor presses keys; the agent is there.
    await agentSaid(phrases.still_there);
    expect((await newest()).outcome).toBeNull();
    expect(phone.endReason).toBeUndefined();
  });

  it('by a second leg: both are in the room, and it closes when one of them hangs up', async () => {
    const support = await pickUp({ number: SUPPORT, answers: true });
    trunks.push(await sip.dialOut({ port: support.port }));
    await profile(to(SUPPORT, 'leg'));
    const phone = await call();
    await phone.press('2#');
    await support.established();
    const since = performance.now();
    await support.say(voice());
    await phone.ears.until(() => phone.ears.firstSoundAfter(since), 10_000, 'the other telephone');
    expect((await newest()).outcome).toBeNull();
    await support.hangUp();
    await phone.ended();
    expect(await outcome()).toBe('transferred');
  });
});

describe('an answering machine', () => {
  it('that we called gets the message of the profile, and is hung up on', async () => {
    const message = 'Tu pedido está listo.';
    await profile({ voicemail: { message } });
    heard = 'Ahora no puedo atenderte. Deja tu mensaje después de la señal.';
    const machine = await pickUp({ number: SUPPORT, answers: true });
    trunks.push(await sip.dialOut({ port: machine.port, number: OURS }));
    const response = await fetch(`${dev.apiUrl}/calls`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ to: SUPPORT, profile: 'phone', caller_id: OURS }),
    });
    expect(response.status, await response.clone().text()).toBe(202);
    await machine.established();
    const spokenAt = await machine.say(voice());
    await machine.ended(60_000);
    expect(machine.ears.firstSoundAfter(spokenAt)).toBeDefined();
    expect(await outcome()).toBe('voicemail');
    expect((await said('assistant')).at(-1)).toBe(message);
  });
});
