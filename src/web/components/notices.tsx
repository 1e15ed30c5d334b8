import { useConversation, useServices } from '../hooks/use-services.tsx';
import { useMessages } from '../i18n/i18n.tsx';
import { toText } from '../state/conversation.ts';
import { CloseIcon } from './icons.tsx';
import './notices.css';

/** What the agent or the page has to say about the call itself. */
export function Notices() {
  const messages = useMessages();
  const { conversation } = useServices();
  const notices = useConversation((state) => state.notices);
  return (
    <section className="notices" aria-label={messages.notice.label} aria-live="assertive">
      {notices.map(({ code, text }) => (
        <div key={code} className="notice" data-testid="notice" data-code={code}>
          <p>{toText(text, messages)}</p>
          <button
            type="button"
            className="notice-close"
            aria-label={messages.notice.dismiss}
            onClick={() => conversation.dismiss(code)}
          >
            <CloseIcon />
          </button>
        </div>
      ))}
    </section>
  );
}
