import { ReadableStream } from 'node:stream/web';
import { describe, expect, it } from 'vitest';
import { endAtLoop } from '../../src/agent/end-at-loop.ts';

describe('endAtLoop', () => {
  it('passes an answer on, and ends it and its source when it goes round in circles', async () => {
    let cancelled = false;
    let sent = 0;
    const endless = new ReadableStream<string>({
      pull(controller) {
        sent += 1;
        controller.enqueue(sent === 1 ? 'Mira: ' : 'crea una nueva tarea en tu panel. ');
      },
      cancel: () => {
        cancelled = true;
      },
    });
    const loops: number[] = [];
    const heard: string[] = [];
    for await (const piece of endless.pipeThrough(endAtLoop<string>((n) => loops.push(n)))) heard.push(piece);
    expect(loops).toEqual([7]);
    expect(heard.length).toBeLessThan(6);
    await expect.poll(() => cancelled).toBe(true);
  });

  it('lets people’s own repetitions pass', async () => {
    const text = [
      'No, no, ',
      'no, espera. Cero ',
      'cero cero cero. ',
      'Tu pedido llega hoy y tu pedido llega.',
    ];
    const heard = [];
    for await (const piece of ReadableStream.from(text).pipeThrough(endAtLoop(() => undefined)))
      heard.push(piece);
    expect(heard).toEqual(text);
  });

  it('keeps calls of tools and an answer without a loop whole', async () => {
    const pieces = [
      { id: '1', delta: { role: 'assistant' as const, content: 'Hola, ' } },
      { id: '1', delta: { role: 'assistant' as const, content: 'Carlos.' } },
      { id: '1', usage: { completionTokens: 4, promptTokens: 2, promptCachedTokens: 0, totalTokens: 6 } },
    ];
    const heard = [];
    for await (const piece of ReadableStream.from(pieces).pipeThrough(endAtLoop(() => undefined)))
      heard.push(piece);
    expect(heard).toEqual(pieces);
  });
});
