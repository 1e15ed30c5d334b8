import { useState } from 'react';
import { useConversation } from '../hooks/use-services.tsx';
import { useStickToBottom } from '../hooks/use-stick-to-bottom.ts';
import { useMessages } from '../i18n/i18n.tsx';
import { describeEntry, type LogEntry } from '../state/conversation.ts';
import { CopyIcon } from './icons.tsx';
import './log-panel.css';

/** What happened, line by line, to read and to copy. */
export function LogPanel() {
  const messages = useMessages();
  const entries = useConversation((state) => state.log);
  const list = useStickToBottom<HTMLOListElement>(entries);
  return (
    <div className="log-panel">
      <div className="log-head">
        <h2 className="panel-title">{messages.log.label}</h2>
        <CopyButton
          text={() => entries.map((entry) => `${clock(entry)}  ${describeEntry(entry, messages)}`).join('\n')}
        />
      </div>
      <ol
        className="log"
        ref={list}
        data-testid="log"
        role="log"
        aria-live="polite"
        aria-label={messages.log.label}
      >
        {entries.map((entry) => (
          <li key={entry.id} className={`log-line is-${entry.level}`} data-event={entry.event}>
            <time dateTime={new Date(entry.at).toISOString()}>{clock(entry)}</time>
            <span>{describeEntry(entry, messages)}</span>
          </li>
        ))}
      </ol>
      {entries.length === 0 && <p className="empty">{messages.log.empty}</p>}
    </div>
  );
}

function CopyButton({ text }: { text: () => string }) {
  const { log } = useMessages();
  const [result, setResult] = useState<'copied' | 'copyFailed'>();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      setResult('copied');
    } catch {
      setResult('copyFailed');
    }
    setTimeout(() => setResult(undefined), 2_000);
  };
  return (
    <button type="button" className="button button-soft button-small" data-testid="log-copy" onClick={copy}>
      <CopyIcon />
      <span aria-live="polite">{log[result ?? 'copy']}</span>
    </button>
  );
}

/** Local time to the millisecond. */
function clock({ at }: LogEntry): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}
