import { type FormEvent, useState } from 'react';
import { useCall, useServices } from '../hooks/use-services.tsx';
import { useMessages } from '../i18n/i18n.tsx';
import { SendIcon } from './icons.tsx';
import './composer.css';

/** A field to type instead of speaking. What could not be sent stays in it. */
export function Composer() {
  const { transcript } = useMessages();
  const { call } = useServices();
  const live = useCall(({ phase }) => phase === 'live' || phase === 'reconnecting');
  const [text, setText] = useState('');
  const [failed, setFailed] = useState(false);
  const empty = text.trim() === '';

  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (empty || !live) return;
    setText('');
    const sent = await call.sendText(text.trim());
    setFailed(!sent);
    if (!sent) setText(text);
  };

  return (
    <form className="composer" onSubmit={send}>
      <input
        type="text"
        className="composer-input"
        data-testid="chat-input"
        aria-label={transcript.input}
        placeholder={live ? transcript.placeholder : transcript.noCall}
        value={text}
        onChange={(event) => setText(event.target.value)}
        autoComplete="off"
        enterKeyHint="send"
        maxLength={4000}
      />
      <button
        type="submit"
        className="composer-send"
        data-testid="chat-send"
        aria-label={transcript.send}
        disabled={empty || !live}
      >
        <SendIcon />
      </button>
      {failed && (
        <p className="composer-failed" role="alert">
          {transcript.notSent}
        </p>
      )}
    </form>
  );
}
