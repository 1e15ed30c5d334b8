import { EventEmitter } from 'node:events';
import { llm, voice } from '@livekit/agents';
import { expect, it } from 'vitest';
import { waitForQuiet } from '../../../src/agent/phone/quiet.ts';
import { OpenSpeeches } from '../../../src/agent/turns/open-speeches.ts';

class FakeSession extends EventEmitter {
  agentState = 'listening';
  userState = 'speaking';
}

/** A wait in which something sounds like a voice all the time. */
function wait(noiseMs?: number) {
  const session = new FakeSession();
  const over = new AbortController();
  const call = {
    session: session as unknown as voice.AgentSession,
    speeches: new OpenSpeeches(),
    awaitsWords: () => false,
  };
  const ended = waitForQuiet(call, { ms: 100, noiseMs, signal: over.signal });
  return { session, over, ended };
}

const { ConversationItemAdded } = voice.AgentSessionEventTypes;
const pause = () => new Promise((resolve) => setTimeout(resolve, 500));

it('noise is waited for, and not for ever where a limit is given', async () => {
  expect(await wait(100).ended).toBe('quiet');
  const { over, ended } = wait();
  await pause();
  over.abort();
  expect(await ended).toBe('closed');
});

it('noise counts from the end of what the agent says', async () => {
  const { session, over, ended } = wait(0);
  session.agentState = 'speaking';
  await pause();
  over.abort();
  expect(await ended).toBe('closed');
});

it('words of the caller end the wait, noise or not', async () => {
  const { session, ended } = wait(10_000);
  const item = llm.ChatMessage.create({ role: 'user', content: 'Espera.' });
  session.emit(ConversationItemAdded, { type: 'conversation_item_added', item, createdAt: 0 });
  expect(await ended).toBe('caller-spoke');
});
