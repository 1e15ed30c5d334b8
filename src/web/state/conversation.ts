import { createStore } from 'zustand/vanilla';
import { format, type Messages } from '../i18n/messages.ts';
import { mergeUtterance, type Utterance } from './transcript.ts';
import { mergeTurn, type Turn } from './turns.ts';

/** Words that may depend on the language: a function of them is asked again when the person switches. */
export type Text = string | number | ((messages: Messages) => string);

export type EventName = keyof Messages['event'];
export type EventLevel = 'info' | 'good' | 'warn' | 'bad';

export interface LogEntry {
  id: number;
  /** ms since the epoch */
  at: number;
  level: EventLevel;
  event: EventName;
  fields: Readonly<Record<string, Text>>;
}

export interface Notice {
  code: string;
  text: Text;
}

export interface Conversation {
  utterances: readonly Utterance[];
  turns: readonly Turn[];
  log: readonly LogEntry[];
  notices: readonly Notice[];
}

/** Lines kept in the log. */
const LOG_LIMIT = 500;
/** Utterances kept on the page. */
const UTTERANCE_LIMIT = 400;

export type ConversationStore = ReturnType<typeof createConversation>;

/** All that was said, measured and noticed since the page was opened; it outlives a call that is opened again. */
export function createConversation() {
  const store = createStore<Conversation>(() => ({ utterances: [], turns: [], log: [], notices: [] }));
  let entries = 0;
  return {
    store,
    hear(heard: Utterance) {
      store.setState(({ utterances }) => ({
        utterances: mergeUtterance(utterances, heard).slice(-UTTERANCE_LIMIT),
      }));
    },
    addTurn(turn: Turn) {
      store.setState(({ turns }) => ({ turns: mergeTurn(turns, turn) }));
    },
    /** The agent counts turns from the start again in each call. */
    startTurns() {
      store.setState({ turns: [] });
    },
    record(event: EventName, fields: Readonly<Record<string, Text>> = {}, level: EventLevel = 'info') {
      entries += 1;
      const entry = { id: entries, at: Date.now(), level, event, fields };
      store.setState(({ log }) => ({ log: [...log, entry].slice(-LOG_LIMIT) }));
    },
    /** Shows a notice; one of the same code is replaced. */
    notify(notice: Notice) {
      store.setState(({ notices }) => ({
        notices: [...notices.filter(({ code }) => code !== notice.code), notice],
      }));
    },
    dismiss(code: string) {
      store.setState(({ notices }) => ({ notices: notices.filter((notice) => notice.code !== code) }));
    },
  };
}

/** A {@link Text} in the language of `messages`. */
export function toText(text: Text, messages: Messages): string {
  return typeof text === 'function' ? text(messages) : String(text);
}

/** One line of the log, without its time. */
export function describeEntry(entry: LogEntry, messages: Messages): string {
  const fields = Object.fromEntries(
    Object.entries(entry.fields).map(([name, text]) => [name, toText(text, messages)]),
  );
  return format(messages.event[entry.event], fields);
}
