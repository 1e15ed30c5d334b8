import { llm } from '@livekit/agents';

/**
 * The conversation as the model should read it. A caller who goes on before the answer is heard has said one thing in two
 * messages, and a small model answers the last one only: neighbouring messages of theirs become one. An answer of which
 * nothing was heard is none.
 */
export function joinSplitTurns(chatCtx: llm.ChatContext): llm.ChatContext {
  const joined: llm.ChatItem[] = [];
  for (const item of chatCtx.items) {
    const last = joined.at(-1);
    if (isBlankAnswer(item)) continue;
    if (last !== undefined && isText(last) && isText(item)) {
      const content = `${last.textContent} ${item.textContent}`;
      const { id, role, createdAt } = item;
      joined[joined.length - 1] = llm.ChatMessage.create({ id, role, content, createdAt });
    } else joined.push(item);
  }
  return joined.length === chatCtx.items.length ? chatCtx : new llm.ChatContext(joined);
}

function isText(item: llm.ChatItem): item is llm.ChatMessage {
  return (
    item.type === 'message' && item.role === 'user' && item.content.every((one) => typeof one === 'string')
  );
}

function isBlankAnswer(item: llm.ChatItem): boolean {
  return item.type === 'message' && item.role === 'assistant' && item.textContent?.trim() === '';
}
