import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { Caller } from '../support/caller.ts';
import { type DevStack, fixedModels, startDevStack, startSession } from '../support/dev-stack.ts';
import { type FixedEngines, startFixedEngines } from '../support/fixed-engines.ts';
import { callerSpeech } from '../support/speech.ts';

const { apiUrl, inferenceUrl } = inject('stack');
let caller: Caller | undefined;

afterEach(async () => {
  await caller?.hangUp();
  caller = undefined;
});

describe('interrupting the agent', () => {
  it('stops a long answer, and the agent then answers what was said over it', async () => {
    const steps = [
      'Bienvenida',
      'Perfil',
      'Notificaciones',
      'Pagos',
      'Seguridad',
      'Integraciones',
      'Informes',
      'Equipo',
    ];
    const session = await startSession(apiUrl, {
      user_id: 'luis',
      data_tools: {
        user_context: { name: 'Luis', cart: ['laptop', 'mouse'] },
        tour_data: { steps: steps.map((title) => ({ title, completed: false })) },
      },
    });
    caller = await Caller.join(session);
    await caller.greeted();
    const [question, interruption] = await Promise.all([
      callerSpeech(inferenceUrl, '¿Qué pasos me falta completar?'),
      callerSpeech(inferenceUrl, 'Espera un momento. ¿Qué tengo en el carrito?'),
    ]);

    const askedAt = await caller.say(question);
    const answering = await caller.until(() => caller?.firstSoundAfter(askedAt), 60_000, 'the long answer');
    await caller.until(() => performance.now() - answering > 600, 5_000, 'some of the answer to be heard');

    const captionsBefore = caller.captions.length;
    const interruptedAt = performance.now();
    const saidAt = await caller.say(interruption);
    // Between the caller's first word and their last, the agent went quiet; percentiles: `npm run bench -- barge-in`.
    const stoppedAt = caller.lastSound() ?? 0;
    console.log(
      `the agent's last sound came ${Math.round(stoppedAt - interruptedAt)} ms after the caller's first`,
    );
    expect(stoppedAt).toBeGreaterThan(answering);
    expect(stoppedAt, 'the agent talked over the caller').toBeLessThan((interruptedAt + saidAt) / 2);

    const answer = await caller.listen(saidAt, captionsBefore);
    expect(answer.text).toMatch(/laptop|mouse/i);
  });
});

describe('a listener’s «ajá»', () => {
  const LONG_ANSWER =
    'En el panel tienes la bienvenida, el perfil, las notificaciones, los pagos y la seguridad. ' +
    'Después vienen las integraciones, los informes y el equipo, y con eso has terminado todo.';
  let transcript = '';
  let engines: FixedEngines;
  let stack: DevStack;

  beforeAll(async () => {
    engines = await startFixedEngines({ answer: LONG_ANSWER, transcript: () => transcript });
    stack = await startDevStack(fixedModels(engines, inject('stack').livekitUrl, 'barge-in'));
  });
  afterAll(async () => {
    await stack?.stop();
    await engines?.close();
  });

  async function speakOver(words: string): Promise<{ caller: Caller; questions: number; text: string }> {
    caller = await Caller.join(await startSession(stack.apiUrl, { user_id: 'ana' }));
    await caller.greeted();
    const [question, over] = await Promise.all(
      ['¿Qué pasos me falta completar?', 'Ajá, ajá.'].map((text) => callerSpeech(inferenceUrl, text)),
    );
    const questions = () => engines.requests.filter(({ kind }) => kind === 'llm').length;
    const before = questions();
    const captionsBefore = caller.captions.length;
    transcript = '¿Qué pasos me falta completar?';
    const askedAt = await caller.say(question ?? new Int16Array());
    const began = await caller.until(() => caller?.firstSoundAfter(askedAt), 30_000, 'the answer');
    await caller.until(() => performance.now() - began > 1_500, 5_000, 'some of the answer to be heard');
    transcript = words;
    const { text } = await caller.listen(await caller.say(over ?? new Int16Array()), captionsBefore);
    return { caller, questions: questions() - before, text };
  }

  it('does not end the answer, which goes on where it stopped', async () => {
    const { questions, text } = await speakOver('Ajá, ajá.');
    expect(questions).toBe(1);
    expect(text).toContain('has terminado todo');
  });

  it('in other words would have: the agent answers them', async () => {
    const { questions, text } = await speakOver('Espera, ¿y los informes?');
    expect(questions).toBe(2);
    expect(text.split('has terminado todo')).toHaveLength(2);
  });
});
