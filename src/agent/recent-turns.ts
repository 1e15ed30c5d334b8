import { llm } from '@livekit/agents';

/** What is left out grows in steps, so that the prompt's beginning stays the same for a while and its cache is of use. */
const STEP = 0.4;

/**
 * A conversation's instructions and the newest part of it, so that it fits into what the model can read.
 *
 * @param maxChars - characters of the messages, the instructions not counted
 */
export function recentTurns(chatCtx: llm.ChatContext, maxChars: number): llm.ChatContext {
  const isInstructions = (item: llm.ChatItem) => item.type === 'message' && item.role === 'system';
  const turns = chatCtx.items.filter((item) => !isInstructions(item));
  const total = turns.reduce((sum, item) => sum + charsOf(item), 0);
  if (total <= maxChars) return chatCtx;
  const step = maxChars * STEP;
  const surplus = Math.ceil((total - maxChars) / step) * step;
  let dropped = 0;
  // It begins with something that the person said: an answer, or a tool's, without its question makes no sense.
  const first = turns.findIndex((item) => {
    const fits = dropped >= surplus && item.type === 'message' && item.role === 'user';
    dropped += charsOf(item);
    return fits;
  });
  const last = turns.findLastIndex((item) => item.type === 'message' && item.role === 'user');
  const kept = turns.slice(first === -1 ? Math.max(0, last) : first);
  return new llm.ChatContext([...chatCtx.items.filter(isInstructions), ...kept]);
}

function charsOf(item: llm.ChatItem): number {
  if (item.type === 'message') return item.textContent?.length ?? 0;
  if (item.type === 'function_call') return item.args.length;
  return item.type === 'function_call_output' ? item.output.length : 0;
}
