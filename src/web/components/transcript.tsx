import { useConversation } from '../hooks/use-services.tsx';
import { useStickToBottom } from '../hooks/use-stick-to-bottom.ts';
import { useMessages } from '../i18n/i18n.tsx';
import type { Utterance } from '../state/transcript.ts';
import { Composer } from './composer.tsx';
import './transcript.css';

/** Both sides' words as they are spoken, and a field to type instead of speaking. */
export function Transcript() {
  const { transcript } = useMessages();
  const utterances = useConversation((state) => state.utterances);
  const list = useStickToBottom<HTMLDivElement>(utterances);
  return (
    <section className="conversation card" id="conversation" aria-label={transcript.label}>
      {/* The agent's words are heard: a screen reader that spoke them too would talk over the agent. */}
      <div className="transcript" ref={list} role="log" aria-live="off" aria-label={transcript.label}>
        {utterances.length === 0 && <p className="empty">{transcript.empty}</p>}
        {utterances.map((utterance, index) => (
          <Bubble
            key={utterance.id}
            utterance={utterance}
            opens={utterances[index - 1]?.speaker !== utterance.speaker}
          />
        ))}
      </div>
      <Composer />
    </section>
  );
}

function Bubble({ utterance, opens }: { utterance: Utterance; opens: boolean }) {
  const { transcript } = useMessages();
  const { speaker, text, final, typed } = utterance;
  return (
    <div className={`bubble-row from-${speaker}${opens ? ' opens' : ''}`}>
      <span className={opens ? 'speaker' : 'speaker visually-hidden'}>
        {speaker === 'user' ? transcript.you : transcript.agent}
        {typed && ` · ${transcript.typed}`}
      </span>
      <p
        className={final ? 'bubble' : 'bubble is-interim'}
        data-testid={`transcript-${speaker}`}
        data-final={final}
      >
        {text}
      </p>
    </div>
  );
}
