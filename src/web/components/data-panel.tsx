import { useId, useState } from 'react';
import { useStore } from 'zustand';
import { useCall, useServices } from '../hooks/use-services.tsx';
import { useLanguage, useMessages } from '../i18n/i18n.tsx';
import { format, type Messages } from '../i18n/messages.ts';
import { describeDataToolsProblem, parseDataTools } from '../state/data-tools.ts';
import { EXAMPLES, toEditorText } from '../state/examples.ts';
import { describeProblem, type Problem } from '../state/problem.ts';
import './data-panel.css';

/** The data tools in an editor; what is wrong with them is shown where it stands. */
export function DataPanel() {
  const messages = useMessages();
  const { data } = messages;
  const { editor, call } = useServices();
  const text = useStore(editor.store, (state) => state.text);
  const live = useCall(({ phase }) => phase === 'live' || phase === 'reconnecting');
  const sent = useCall((state) => state.sentDataTools);
  const [sending, setSending] = useState(false);
  const [failure, setFailure] = useState<Problem>();
  const statusId = useId();
  const parsed = parseDataTools(text);

  const edit = (next: string) => {
    setFailure(undefined);
    editor.setText(next);
  };
  const send = async () => {
    if (!parsed.ok) return;
    setSending(true);
    setFailure(await call.sendDataTools(parsed.value));
    setSending(false);
  };

  const isSent = parsed.ok && sent !== undefined && JSON.stringify(sent) === JSON.stringify(parsed.value);
  const status = statusOf({ parsed, failure, sending, live, isSent }, messages);
  return (
    <div className="data-panel">
      <p className="panel-help">{data.help}</p>
      <Examples onChoose={edit} />
      <textarea
        className={parsed.ok ? 'data-editor' : 'data-editor is-invalid'}
        data-testid="data-editor"
        aria-label={data.editor}
        aria-invalid={!parsed.ok}
        aria-describedby={statusId}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        value={text}
        onChange={(event) => edit(event.target.value)}
      />
      <p id={statusId} className={`data-status is-${status.tone}`} data-testid="data-status" role="status">
        {status.words}
      </p>
      <div className="data-actions">
        <button
          type="button"
          className="button button-soft"
          disabled={!parsed.ok}
          onClick={() => parsed.ok && edit(toEditorText(parsed.value))}
        >
          {data.format}
        </button>
        <button
          type="button"
          className="button button-primary"
          data-testid="data-send"
          disabled={!parsed.ok || sending || !live}
          onClick={send}
        >
          {sending ? data.sending : data.send}
        </button>
      </div>
    </div>
  );
}

function Examples({ onChoose }: { onChoose: (text: string) => void }) {
  const { data } = useMessages();
  const language = useLanguage();
  const [chosen, setChosen] = useState('');
  const example = EXAMPLES.find(({ id }) => id === chosen);
  return (
    <div className="examples">
      <select
        data-testid="data-examples"
        aria-label={data.examples}
        value={chosen}
        onChange={(event) => {
          setChosen(event.target.value);
          const next = EXAMPLES.find(({ id }) => id === event.target.value);
          if (next) onChoose(toEditorText(next.dataTools));
        }}
      >
        <option value="">{data.choose}</option>
        {EXAMPLES.map(({ id, name }) => (
          <option key={id} value={id}>
            {name[language]}
          </option>
        ))}
      </select>
      {example && (
        <p className="example-question">
          {format(data.ask, { question: `“${example.question[language]}”` })}
        </p>
      )}
    </div>
  );
}

interface EditorSituation {
  parsed: ReturnType<typeof parseDataTools>;
  failure: Problem | undefined;
  sending: boolean;
  live: boolean;
  isSent: boolean;
}

function statusOf(
  now: EditorSituation,
  messages: Messages,
): { tone: 'good' | 'bad' | 'calm'; words: string } {
  const { data } = messages;
  if (!now.parsed.ok) return { tone: 'bad', words: describeDataToolsProblem(now.parsed.problem, messages) };
  if (now.failure) {
    return { tone: 'bad', words: format(data.failed, { reason: describeProblem(now.failure, messages) }) };
  }
  if (now.sending) return { tone: 'calm', words: data.sending };
  if (!now.live) return { tone: 'calm', words: data.pending };
  return now.isSent ? { tone: 'good', words: data.saved } : { tone: 'calm', words: data.changed };
}
