import { afterEach, describe, expect, inject, it } from 'vitest';
import { Caller } from '../support/caller.ts';
import { startSession } from '../support/dev-stack.ts';
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
    // Between the caller's first word and their last, the agent went quiet; how fast is in `npm run bench -- barge-in`.
    const soundBeforeTheEnd = caller.lastSound() ?? 0;
    expect(soundBeforeTheEnd, 'the agent talked over the caller until the end').toBeLessThan(saidAt - 500);
    expect(soundBeforeTheEnd).toBeGreaterThan(answering);
    expect(interruptedAt).toBeGreaterThan(answering);

    const answer = await caller.listen(saidAt, captionsBefore);
    expect(answer.text).toMatch(/laptop|mouse/i);
  });
});
