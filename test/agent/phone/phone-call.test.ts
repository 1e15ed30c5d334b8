import { initializeLogger, voice } from '@livekit/agents';
import { RoomEvent } from '@livekit/rtc-node';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Assistant } from '../../../src/agent/assistant.ts';
import type { CallContext } from '../../../src/agent/call-context.ts';
import { PhoneCall } from '../../../src/agent/phone/phone-call.ts';
import type { Destination, PhoneLine } from '../../../src/agent/phone/phone-line.ts';
import { loadPrompts } from '../../../src/agent/prompts.ts';
import { createCallTools } from '../../../src/agent/tools/call-tools.ts';
import { OpenSpeeches } from '../../../src/agent/turns/open-speeches.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { createLLM } from '../../../src/providers/llm/create-llm.ts';
import { type ProfileSettings, profileSettingsSchema } from '../../../src/sessions/profile.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import {
  type ChatMessage,
  type ChatRequest,
  type FixedEngines,
  type FixedToolCall,
  startFixedEngines,
} from '../../support/fixed-engines.ts';
import { TestRoom } from '../room.ts';

initializeLogger({ pretty: false, level: 'silent' });

const prompts = loadPrompts('es');
const { phrases } = prompts;
let engines: FixedEngines;
let session: voice.AgentSession;
let room: TestRoom;
let phone: PhoneCall;
/** Why the session closed, in the words of the history. */
let outcomes: (string | undefined)[];
/** What the line was asked to do. */
let asked: unknown[];

afterEach(async () => {
  await session.close();
  await engines.close();
});

/** A call in text whose model does what a function says. */
async function call(options: {
  settings?: object;
  model: (last: ChatMessage) => string | FixedToolCall;
  line?: Partial<PhoneLine>;
  channel?: string;
  direction?: 'inbound' | 'outbound';
  awayAfterS?: number;
  /** Done when all is there, and nothing has begun. */
  beforeStart?: () => void;
}): Promise<void> {
  engines = await startFixedEngines({
    firstTokenMs: 2,
    tokenMs: 1,
    answer: (messages) => options.model(messages.at(-1) ?? { role: '', content: '' }),
  });
  const endpoint = { kind: 'local', baseUrl: engines.baseUrl, apiKey: 'none', model: 'm' } as const;
  const profile: ProfileSettings = profileSettingsSchema.parse(options.settings ?? {});
  const { channel = 'sip', direction = 'inbound' } = options;
  const context: CallContext = {
    session: { id: 's-1', userId: 'ana', profile: 'p', channel, language: 'es', phone: { direction } },
    dataTools: {},
    revision: 1,
    profile,
  };
  room = new TestRoom();
  outcomes = [];
  asked = [];
  const speeches = new OpenSpeeches();
  phone = new PhoneCall({
    room: room.asRoom(),
    line: {
      sendDigits: async (digits) => void asked.push(digits),
      transfer: async (to) => {
        asked.push(to);
        return 'away';
      },
      ...options.line,
    },
    phrases,
    words: prompts.phone,
    log: createLogger('test', 'silent'),
    speeches,
    awaitsWords: () => false,
    context: () => context,
  });
  const tools = createCallTools({
    config: loadConfig({ NODE_ENV: 'test' }),
    sessionId: 's-1',
    language: 'es',
    words: prompts.tools,
    answers: prompts.answers,
    dataTools: () => ({}),
    revision: () => 1,
    permissions: () => profile.tools ?? {},
    phone: () => (phone.isPhone ? phone : undefined),
  });
  session = new voice.AgentSession({
    llm: createLLM(endpoint, 'call-7'),
    userAwayTimeout: options.awayAfterS ?? 1_000,
  });
  speeches.follow(session);
  phone.follow(session);
  session.on(voice.AgentSessionEventTypes.Close, ({ reason }) => outcomes.push(phone.outcome(reason)));
  const assistant = new Assistant({
    project: 'Charla',
    prompts,
    known: { data: '', tools: tools.toolsFor(false), greeting: 'Hola.', isPhone: phone.isPhone },
    gate: tools.gate,
    caller: Promise.resolve(true).then((here) => {
      phone.began();
      return here;
    }),
    log: createLogger('test', 'silent'),
    historyChars: 7_000,
    onTurn: (message) => phone.onTurn(message),
    isLeaving: () => phone.isLeaving,
    onWords: () => undefined,
    warm: async () => undefined,
    modelUrl: endpoint.baseUrl,
    onModelSilent: () => undefined,
  });
  options.beforeStart?.();
  await session.start({ agent: assistant });
  await expect.poll(() => said()[0]).toBe('Hola.');
}

/** What the agent has said. */
const said = () => spoken('assistant');
const heard = () => spoken('user');
function spoken(role: string): string[] {
  return session.history.items.flatMap((item) =>
    item.type === 'message' && item.role === role ? [item.textContent ?? ''] : [],
  );
}
const requests = () => engines.requests.filter((one): one is ChatRequest => one.kind === 'llm');
const toolNames = () =>
  ((requests().at(-1)?.body.tools ?? []) as { function: { name: string } }[]).map(
    (tool) => tool.function.name,
  );
const press = (keys: string) => {
  for (const key of keys) room.emit(RoomEvent.DtmfReceived, 0, key);
};
const settled = async () => {
  await new Promise((resolve) => setTimeout(resolve, 1_500));
};

const transferTo = (more: object = {}) => ({
  tools: {
    transfer: { allowed: true, to: [{ name: 'soporte', number: '+34911234567' }], ...more },
  },
});
const SUPPORT: Destination = { name: 'soporte', number: '+34911234567', mode: 'refer', ringSeconds: 20 };
const toSupport = (): FixedToolCall => ({ call: 'transfer', args: { to: 'soporte' } });

describe('hanging up', () => {
  it('is for telephones, unless the profile forbids it', async () => {
    await call({ model: () => 'Vale.' });
    await session.run({ userInput: 'Hola' }).wait();
    expect(toolNames()).toEqual(['hang_up']);
    expect(requests().at(-1)?.body.messages[0]?.content).toContain('[teclas]');
    await session.close();
    await engines.close();
    await call({ model: () => 'Vale.', settings: { tools: { hang_up: { allowed: false } } } });
    await session.run({ userInput: 'Hola' }).wait();
    expect(toolNames()).toEqual([]);
    await session.close();
    await engines.close();
    await call({ model: () => 'Vale.', channel: 'browser' });
    await session.run({ userInput: 'Hola' }).wait();
    expect(toolNames()).toEqual([]);
    expect(requests().at(-1)?.body.messages[0]?.content).not.toContain('[teclas]');
  });

  it('comes after a goodbye, without another word of the model', async () => {
    await call({ model: () => ({ call: 'hang_up', args: {} }) });
    session.generateReply({ userInput: 'Adiós' });
    await expect.poll(() => outcomes, { timeout: 5_000 }).toEqual(['agent_hung_up']);
    expect(said()).toEqual(['Hola.', phrases.goodbye]);
    expect(requests()).toHaveLength(1);
  });

  it('comes after the model’s own goodbye, and no other', async () => {
    await call({ model: () => ({ say: '¡Que te vaya bien!', call: 'hang_up', args: {} }) });
    session.generateReply({ userInput: 'Adiós' });
    await expect.poll(() => outcomes, { timeout: 5_000 }).toEqual(['agent_hung_up']);
    expect(said()).toEqual(['Hola.', '¡Que te vaya bien!']);
  });

  it('waits, and does not come, when the caller goes on', async () => {
    await call({ model: ({ content }) => (content === 'Adiós' ? { call: 'hang_up', args: {} } : 'Dime.') });
    session.generateReply({ userInput: 'Adiós' });
    await expect.poll(said).toContain(phrases.goodbye);
    session.generateReply({ userInput: 'Ay, espera' });
    await settled();
    expect(outcomes).toEqual([]);
    expect(said().at(-1)).toBe('Dime.');
  });
});

describe('keys of the caller', () => {
  it('are read by the model as one entry', async () => {
    await call({ model: ({ content }) => (content === '[teclas] 4521' ? 'Gracias.' : '¿Cómo?') });
    press('4521#');
    await expect.poll(said).toEqual(['Hola.', 'Gracias.']);
    expect(heard()).toEqual(['[teclas] 4521']);
  });

  it('wait for an answer where the session has not started yet', async () => {
    await call({ model: () => 'Gracias.', beforeStart: () => press('7#') });
    await expect.poll(said).toEqual(['Hola.', 'Gracias.']);
    expect(heard()).toEqual(['[teclas] 7']);
  });

  it('end nothing where the session refuses them, as one does that closes', async () => {
    await call({ model: () => 'Gracias.' });
    session.say('Una frase.');
    const refuse = () => {
      throw new Error('AgentSession is closing');
    };
    vi.spyOn(session, 'interrupt').mockImplementation(refuse);
    vi.spyOn(session, 'generateReply').mockImplementation(refuse);
    expect(() => press('1#')).not.toThrow();
    expect(heard()).toEqual([]);
  });

  it('mean nothing where there is no telephone', async () => {
    await call({ model: () => 'Gracias.', channel: 'browser' });
    press('1#');
    await settled();
    expect(heard()).toEqual([]);
  });
});

describe('keys of the agent', () => {
  const allowed = { tools: { send_dtmf: { allowed: true } } };
  const sendsThen = (digits: unknown, then: (told: string) => string) => (last: ChatMessage) =>
    last.role === 'tool' ? then(last.content) : { call: 'send_dtmf', args: { digits } };

  it.each([
    ['12#', '12#'],
    [4521, '4521'],
    ['6 0 0, *', '600*'],
  ])('are sent: %s', async (digits, sent) => {
    await call({ settings: allowed, model: sendsThen(digits, () => 'No.') });
    await session.run({ userInput: 'Marca' }).wait();
    expect(asked).toEqual([sent]);
    // Whoever has pressed a key listens.
    expect(said()).toEqual(['Hola.']);
  });

  it.each([['doce'], [''], ['1'.repeat(33)]])('are not sent: «%s»', async (digits) => {
    await call({ settings: allowed, model: sendsThen(digits, (told) => told) });
    await session.run({ userInput: 'Marca' }).wait();
    expect(asked).toEqual([]);
    expect(said().at(-1)).toContain(prompts.tools.send_dtmf.wrong);
  });

  it('that the line does not take are told to the model', async () => {
    const sendDigits = () => Promise.reject(new Error('no line'));
    await call({ settings: allowed, model: sendsThen('1', (told) => told), line: { sendDigits } });
    await session.run({ userInput: 'Marca' }).wait();
    expect(said().at(-1)).toContain(prompts.tools.send_dtmf.failed);
  });
});

describe('a transfer', () => {
  it('is announced, goes to the number of the name, and ends the agent’s part', async () => {
    await call({ settings: transferTo({ ring_s: 20 }), model: toSupport });
    session.generateReply({ userInput: 'Con soporte' });
    await expect.poll(() => asked, { timeout: 5_000 }).toHaveLength(1);
    expect(said()).toEqual(['Hola.', 'Te paso con soporte.']);
    const expected: Destination = { name: 'soporte', number: '+34911234567', mode: 'refer', ringSeconds: 20 };
    expect(asked).toEqual([expected]);
    // The history has it when its telephone has left.
    await expect.poll(() => outcomes).toEqual([undefined]);
    expect(phone.outcome(voice.CloseReason.JOB_SHUTDOWN)).toBe('transferred');
  });

  it('goes to nobody but those whom the profile names', async () => {
    const model = (last: ChatMessage): string | FixedToolCall =>
      last.role === 'tool' ? 'No puedo.' : { call: 'transfer', args: { to: '+34600000000' } };
    await call({ settings: transferTo(), model });
    await session.run({ userInput: 'Con el 600000000' }).wait();
    await settled();
    expect(asked).toEqual([]);
    expect(said()).toEqual(['Hola.', 'No puedo.']);
  });

  it('that nobody takes comes back to the agent, who answers as before', async () => {
    const transfer = () => Promise.reject(new Error('486 Busy Here'));
    const model = (last: ChatMessage) => (last.content === 'Con soporte' ? toSupport() : 'Claro.');
    await call({ settings: transferTo(), model, line: { transfer } });
    session.generateReply({ userInput: 'Con soporte' });
    await expect.poll(said, { timeout: 5_000 }).toContain('No contestan en soporte. ¿Te ayudo yo?');
    press('1#');
    await expect.poll(said).toContain('Claro.');
    expect(outcomes).toEqual([]);
  });

  it.each(['before', 'after'])(
    'is not cut off by a hang-up that the model asks for %s it in one answer',
    async (order) => {
      const transfer = (to: Destination) => {
        asked.push(to.number);
        return new Promise<'away'>(() => undefined);
      };
      await call({ model: () => 'Claro.', line: { transfer } });
      const speech = session.say('Te paso. ¡Adiós!');
      if (order === 'before') phone.hangUp(speech);
      phone.transfer(SUPPORT, speech);
      if (order === 'after') phone.hangUp(speech);
      await expect.poll(() => asked, { timeout: 5_000 }).toEqual([SUPPORT.number]);
      await settled();
      expect(outcomes).toEqual([]);
      expect(said()).not.toContain(phrases.goodbye);
    },
  );

  it('lasts as long as the call may, there as well', async () => {
    const limits: number[] = [];
    const transfer = async (_to: Destination, { maxSeconds }: { maxSeconds: number }) => {
      limits.push(maxSeconds);
      return 'away' as const;
    };
    await call({ settings: { ...transferTo(), max_minutes: 10 }, model: toSupport, line: { transfer } });
    session.generateReply({ userInput: 'Con soporte' });
    await expect.poll(() => limits, { timeout: 5_000 }).toHaveLength(1);
    expect(limits[0]).toBeGreaterThan(0);
    expect(limits[0]).toBeLessThanOrEqual(600);
  });

  it('is one, however many the model asks for', async () => {
    const transfer = (to: Destination) => {
      asked.push(to.number);
      return new Promise<'away'>(() => undefined);
    };
    await call({ model: () => 'Claro.', line: { transfer } });
    const speech = session.say('Te paso.');
    phone.transfer(SUPPORT, speech);
    phone.transfer({ ...SUPPORT, number: '+34911234568' }, speech);
    phone.transfer({ ...SUPPORT, number: '+34911234569' }, session.say('Con ventas, también.'));
    await expect.poll(() => asked, { timeout: 5_000 }).toHaveLength(1);
    await settled();
    expect(asked).toHaveLength(1);
  });

  it('is not answered into: a key that was pressed just before is let go', async () => {
    let isRinging = false;
    const transfer = () => {
      isRinging = true;
      return new Promise<'away'>(() => undefined);
    };
    const settings = { digits: { timeout_ms: 1_000 } };
    await call({ model: () => 'Claro.', settings, line: { transfer } });
    const speech = session.say('Te paso.');
    phone.transfer(SUPPORT, speech);
    await speech.waitForPlayout();
    press('1');
    await expect.poll(() => isRinging, { timeout: 5_000 }).toBe(true);
    await settled();
    expect(heard()).toEqual([]);
  });

  it('is called off by a caller who says something before it begins', async () => {
    const model = (last: ChatMessage) => (last.content === 'Con soporte' ? toSupport() : 'Dime.');
    await call({ settings: transferTo(), model });
    session.generateReply({ userInput: 'Con soporte' });
    await expect.poll(said).toContain('Te paso con soporte.');
    session.generateReply({ userInput: 'No, espera' });
    await settled();
    expect(asked).toEqual([]);
    expect(said().at(-1)).toBe('Dime.');
  });

  it('is not answered into: what the caller says and presses while it rings is let go', async () => {
    let answer = (_way: 'away'): void => undefined;
    const rings = new Promise<'away'>((resolve) => {
      answer = resolve;
    });
    let isRinging = false;
    const transfer = () => {
      isRinging = true;
      return rings;
    };
    await call({ settings: transferTo(), model: toSupport, line: { transfer } });
    session.generateReply({ userInput: 'Con soporte' });
    await expect.poll(() => isRinging, { timeout: 5_000 }).toBe(true);
    press('1#');
    expect(phone.isLeaving).toBe(true);
    // Its telephone may leave before LiveKit says that somebody has the call.
    expect(phone.outcome(voice.CloseReason.PARTICIPANT_DISCONNECTED)).toBeUndefined();
    answer('away');
    await expect.poll(() => phone.outcome(voice.CloseReason.JOB_SHUTDOWN)).toBe('transferred');
    expect(heard()).toEqual(['Con soporte']);
  });
});

describe('a caller who is silent', () => {
  it('is asked, as often as the profile says, and then the agent hangs up', async () => {
    await call({
      model: () => 'Vale.',
      settings: { silence: { after_s: 3, prompts: 1 } },
      awayAfterS: 0.1,
    });
    await expect.poll(() => outcomes, { timeout: 10_000 }).toEqual(['silence']);
    expect(said()).toEqual(['Hola.', phrases.still_there, phrases.silence_goodbye]);
  }, 20_000);

  it('is not asked while a tool works', async () => {
    let done = (): void => undefined;
    const sendDigits = () =>
      new Promise<void>((resolve) => {
        done = resolve;
      });
    await call({
      model: () => ({ say: 'Un momento.', call: 'send_dtmf', args: { digits: '1' } }),
      settings: { tools: { send_dtmf: { allowed: true } }, silence: { after_s: 3 } },
      line: { sendDigits },
      awayAfterS: 0.5,
    });
    session.generateReply({ userInput: 'Marca' });
    await settled();
    await settled();
    expect(said()).toEqual(['Hola.', 'Un momento.']);
    done();
    await expect.poll(said, { timeout: 8_000 }).toContain(phrases.still_there);
  }, 20_000);

  it('is not asked where there is no telephone', async () => {
    await call({ model: () => 'Vale.', channel: 'browser', awayAfterS: 0.1 });
    await settled();
    expect(said()).toEqual(['Hola.']);
  });
});

describe('an answering machine', () => {
  const machine = () =>
    session.emit(voice.AgentSessionEventTypes.UserInputTranscribed, {
      type: 'user_input_transcribed',
      transcript: 'Deje su mensaje después de la señal.',
      isFinal: true,
      speakerId: null,
      createdAt: 0,
      language: null,
      itemId: '',
    } as unknown as voice.UserInputTranscribedEvent);

  it('is hung up on', async () => {
    await call({ model: () => 'Vale.', direction: 'outbound' });
    machine();
    await expect.poll(() => outcomes).toEqual(['voicemail']);
  });

  it('gets the profile’s message once it is silent, and no answer', async () => {
    await call({
      model: () => 'Vale.',
      direction: 'outbound',
      settings: { voicemail: { message: 'Llámame, por favor.' } },
    });
    machine();
    expect(phone.isLeaving).toBe(true);
    await expect.poll(() => outcomes, { timeout: 8_000 }).toEqual(['voicemail']);
    expect(said()).toEqual(['Hola.', 'Llámame, por favor.']);
  }, 15_000);

  it('is nobody who calls us, and nothing where the profile does not want to know', async () => {
    await call({ model: () => 'Vale.' });
    machine();
    await session.close();
    await engines.close();
    expect(outcomes).toEqual(['user_initiated']);
    await call({ model: () => 'Vale.', direction: 'outbound', settings: { voicemail: { detect: false } } });
    machine();
    await settled();
    expect(outcomes).toEqual([]);
  });
});
