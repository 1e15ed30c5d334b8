import { vi } from 'vitest';
import { type HttpReceiver, startHttpReceiver } from './http-receiver.ts';
import type { Telephone } from './telephone.ts';

/** What the hook knows of whoever calls, what they ask, and what the answer has to hold. */
export const CART = {
  user_context: { name: 'Carlos', cart: ['laptop', 'mouse'] },
  cart_data: { items: 2, total: 1200 },
};
export const CART_QUESTION = '¿Qué tengo en el carrito?';
export const CART_FACTS = [
  ['laptop', 'portátil'],
  ['mouse', 'ratón'],
];

/** Of engines with fixed delays: ten seconds long. */
export const LONG_ANSWER =
  'En el panel tienes la bienvenida, el perfil, las notificaciones, los pagos y la seguridad. ' +
  'Después vienen las integraciones, los informes y el equipo, y con eso has terminado todo.';

/** An integrator's hook that knows {@link CART} of everybody. */
export async function startCartHook(): Promise<HttpReceiver> {
  const hook = await startHttpReceiver();
  hook.answer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data_tools: CART }));
  };
  return hook;
}

/**
 * Asks for the long answer, and speaks over it.
 *
 * @param say - speaks the question @returns when it was spoken
 * @returns when the answer began, when the caller began and had said their second question, and when the agent's last sound
 *   before its end came, ms of `performance.now()`
 */
export async function speakOverAnswer(
  telephone: Telephone,
  say: () => Promise<number>,
): Promise<{ beganAt: number; interruptedAt: number; saidAt: number; stoppedAt: number }> {
  const askedAt = await say();
  const beganAt = await telephone.until(() => telephone.firstSoundAfter(askedAt), 30_000, 'the answer');
  await telephone.until(() => performance.now() - beganAt > 1_500, 5_000, 'some of the answer to be heard');
  const interruptedAt = performance.now();
  const saidAt = await say();
  const stoppedAt = telephone.lastSound() ?? 0;
  console.log(
    `the agent's last sound came ${Math.round(stoppedAt - interruptedAt)} ms after the caller's first`,
  );
  return { beganAt, interruptedAt, saidAt, stoppedAt };
}

interface KnownCall {
  id: string;
  outcome: string | null;
  [field: string]: unknown;
}

/** The newest call in a server's history, once it has ended. */
export async function endedCall(apiUrl = ''): Promise<KnownCall> {
  return vi.waitUntil(
    async () => {
      const response = await fetch(`${apiUrl}/calls`);
      const [call] = ((await response.json()) as { items: KnownCall[] }).items;
      return call?.outcome ? call : undefined;
    },
    { timeout: 10_000, interval: 100 },
  );
}
