import { type llm, voice } from '@livekit/agents';
import { type Room, RoomEvent } from '@livekit/rtc-node';
import Mustache from 'mustache';
import { phoneSettingsOf } from '../../sessions/phone-settings.ts';
import { PHONE_CHANNELS } from '../../sessions/session.ts';
import type { Logger } from '../../telemetry/log.ts';
import { within } from '../../within.ts';
import { askSession } from '../ask-session.ts';
import type { CallContext } from '../call-context.ts';
import type { PhoneWords, Phrases } from '../prompts.ts';
import type { PhoneActions } from '../tools/agent-tool.ts';
import type { OpenSpeeches } from '../turns/open-speeches.ts';
import { type Destination, type PhoneLine, telephonesLeave } from './phone-line.ts';
import { PressedKeys } from './pressed-keys.ts';
import { waitForQuiet } from './quiet.ts';
import { Silence } from './silence.ts';
import { VoicemailWatch } from './voicemail.ts';

/** Why the agent's part in a call ended, where it was not the person who hung up. */
export type PhoneOutcome = 'agent_hung_up' | 'silence' | 'time_limit' | 'voicemail' | 'transferred';

export interface PhoneCallOptions {
  room: Room;
  line: PhoneLine;
  phrases: Phrases;
  words: PhoneWords;
  log: Logger;
  speeches: OpenSpeeches;
  /** Whether the caller's last words are still being transcribed. */
  awaitsWords: () => boolean;
  /** As it is now. */
  context: () => CallContext;
}

/** Sound has reached the person's ear by then, over whatever network, and a word that they begin has been noticed, ms. */
const HEARD_MS = 800;
/** Before the call is given away: whoever does not want that has said so. */
const BEFORE_TRANSFER_MS = 300;
/** Nobody talks for so long, and not a word of it is understood, ms. */
const LONGEST_NOISE_MS = 15_000;
/** An answering machine that has been silent for so long records: its beep comes sooner. */
const MACHINE_SILENCE_MS = 2_000;
/** It has fallen silent by then, whatever our ears say, ms. */
const LONGEST_GREETING_MS = 60_000;
const MINUTE_MS = 60_000;
/** A voice has begun by then, ms, and says a character in less than this, ms, also slowly. */
const LAST_WORDS_MS = 15_000;
const SLOW_CHARACTER_MS = 150;
/** A carrier that has taken a transfer has moved the call by then, ms. */
const MOVED_MS = 10_000;
/** Whether somebody took the call is known by then, where its telephone has left, ms. */
const TAKEN_MS = 2_000;
/** Words become a turn sooner than this, ms after the last of them was heard. */
const LONGEST_TURN_END_MS = 2_500;

/**
 * What makes a call one by telephone: keys that the person presses, silence that nobody sees, answering machines, an end
 * that comes by somebody who hangs up. Does nothing in a call of any other channel.
 */
export class PhoneCall implements PhoneActions {
  readonly #options: PhoneCallOptions;
  readonly #keys: PressedKeys;
  readonly #over = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];
  /** ms of `performance.now()`. */
  #beganAt: number | undefined;
  #session: voice.AgentSession | undefined;
  #isLeaving = false;
  /** With whose end the call is given to somebody else. */
  #givesAwayAfter: voice.SpeechHandle | undefined;
  /** Settles when somebody has taken the call, or nobody has; undefined while nobody is asked to. */
  #transferring: Promise<void> | undefined;
  #afterTransfer: 'away' | 'joined' | undefined;
  /** When words of the person that no turn has been made of were heard last, ms of `performance.now()`. */
  #spokeAt = Number.NEGATIVE_INFINITY;

  constructor(options: PhoneCallOptions) {
    this.#options = options;
    this.#keys = new PressedKeys({
      settings: () => this.#settings.digits,
      isSpeaking: () => this.#isInTurn(),
      onFirst: () => this.#interrupt(),
      onEntry: (keys) => this.#answerKeys(keys),
    });
  }

  /** Whether the person holds a telephone. */
  get isPhone(): boolean {
    return PHONE_CHANNELS.includes(this.#options.context().session.channel);
  }

  /** Whether the person is not answered any more: the call ends, or is being given to somebody else. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Why the call ended, for its history. @param reason - the framework's @returns undefined while others talk in it */
  outcome(reason: string): string | undefined {
    const { JOB_SHUTDOWN, PARTICIPANT_DISCONNECTED } = voice.CloseReason;
    const isLast = reason === JOB_SHUTDOWN;
    if (this.#afterTransfer !== undefined) return isLast ? 'transferred' : undefined;
    if (this.#transferring === undefined) return reason;
    // The person's telephone leaves as soon as somebody else has the call, and that is known a moment later. (A caller who
    // hangs up while it rings there is one that was given away as well: livekit-sip 1.8 cannot tell the two apart.)
    if (reason === PARTICIPANT_DISCONNECTED) return undefined;
    return isLast ? PARTICIPANT_DISCONNECTED : reason;
  }

  /**
   * Resolves when nobody needs the room any more that the agent has left: at once, but after a transfer. Two telephones
   * that were put through to each other have it until one of them hangs up, or the call has lasted as long as it may, and
   * nobody else would close it then.
   */
  async roomIsFree(): Promise<void> {
    const { room } = this.#options;
    if (this.#afterTransfer === undefined) await within(TAKEN_MS, this.#transferring ?? Promise.resolve());
    if (this.#afterTransfer === 'joined') await within(this.#leftMs, telephonesLeave(room, 'joined'));
    // Closing the room before its telephone has left would hang up on a call that a carrier is about to move.
    if (this.#afterTransfer === 'away') await within(MOVED_MS, telephonesLeave(room, 'away'));
  }

  follow(session: voice.AgentSession): void {
    this.#session = session;
    const { room } = this.#options;
    const { AgentSessionEventTypes: on } = voice;
    const onKey = (_code: number, key: string) => this.press(key);
    room.on(RoomEvent.DtmfReceived, onKey);
    session.on(on.UserStateChanged, ({ oldState, newState }) => {
      if (newState === 'speaking' || oldState === 'speaking') this.#spokeAt = performance.now();
    });
    session.on(on.ConversationItemAdded, ({ item }) => {
      if (item.type === 'message' && item.role === 'user') this.#spokeAt = Number.NEGATIVE_INFINITY;
    });
    new Silence({
      afterMs: () => this.#settings.silence.after_s * 1_000,
      prompts: () => this.#settings.silence.prompts,
      // A speech is open until the tools that it called have worked.
      isBusy: () => !this.isPhone || this.#isLeaving || this.#options.speeches.first !== undefined,
      ask: () => this.#say(this.#options.phrases.still_there),
      giveUp: () => void this.#hangUp('silence', { say: this.#options.phrases.silence_goodbye }),
    }).follow(session);
    session.on(on.Close, () => {
      room.off(RoomEvent.DtmfReceived, onKey);
      this.#over.abort();
      this.#keys.close();
      for (const timer of this.#timers) clearTimeout(timer);
    });
  }

  /** The person is on the line. */
  began(): void {
    const { context, words } = this.#options;
    const session = this.#session;
    if (!this.isPhone || session === undefined || this.#over.signal.aborted) return;
    this.#beganAt = performance.now();
    this.#limitTime();
    if (context().session.phone?.direction === 'outbound') {
      new VoicemailWatch(words, () => void this.#machine()).begin(session);
    }
  }

  /** What is known of the call has changed: its profile may have come late. */
  changed(): void {
    if (this.#session === undefined || this.#over.signal.aborted) return;
    this.#session.sessionOptions.userAwayTimeout = this.#settings.silence.after_s;
    if (this.#beganAt !== undefined && !this.#isLeaving) this.#limitTime();
  }

  /** A key that the person pressed: one of `0-9*#A-D`. Keys are not logged: they may be a PIN. */
  press(key: string): void {
    if (this.isPhone && !this.#isLeaving) this.#keys.press(key);
  }

  /** The person has said something: takes along the keys that they pressed meanwhile. */
  onTurn(message: llm.ChatMessage): void {
    const keys = this.#keys.take();
    if (keys !== undefined) message.content.push(this.#keyText(keys));
  }

  // Both begin when the tool that asks for them is done, and outside of it: it could not wait for its own words.
  hangUp(after: voice.SpeechHandle): void {
    const { goodbye } = this.#options.phrases;
    after.addDoneCallback(() => {
      // «Le paso, ¡adiós!», in whichever order the model has called its tools.
      if (after !== this.#givesAwayAfter) void this.#hangUp('agent_hung_up', { after, say: goodbye });
    });
  }

  async sendDigits(digits: string): Promise<void> {
    await this.#options.line.sendDigits(digits);
  }

  transfer(to: Destination, after: voice.SpeechHandle): void {
    // Of several in one answer, the first.
    if (after === this.#givesAwayAfter) return;
    this.#givesAwayAfter = after;
    after.addDoneCallback(() => void this.#transfer(to, after));
  }

  /** @param options.say - said where the agent has not said anything with `after` */
  async #hangUp(
    outcome: PhoneOutcome,
    { after, say }: { after?: voice.SpeechHandle; say: string },
  ): Promise<void> {
    const quiet = await this.#saidAndHeard(HEARD_MS, say, after);
    if (quiet === 'quiet') this.#shutDown(outcome);
    else if (quiet === 'caller-spoke') {
      this.#options.log.info({ outcome }, 'the caller goes on; the agent does not hang up');
    }
  }

  async #transfer(to: Destination, after: voice.SpeechHandle): Promise<void> {
    const { line, phrases, log } = this.#options;
    const said = (phrase: string) => Mustache.render(phrase, { name: to.name }, {}, { escape: String });
    if ((await this.#saidAndHeard(BEFORE_TRANSFER_MS, said(phrases.transferring), after)) !== 'quiet') return;
    this.#isLeaving = true;
    const maxSeconds = Math.ceil(this.#leftMs / 1_000);
    const transferring = line.transfer(to, { maxSeconds }).then((way) => {
      this.#afterTransfer = way;
    });
    this.#transferring = transferring.catch(() => undefined);
    try {
      await transferring;
      log.info({ way: this.#afterTransfer }, 'call transferred');
      this.#shutDown('transferred');
    } catch (error) {
      if (this.#over.signal.aborted) return;
      log.warn({ err: error }, 'nobody took the transfer; the call goes on');
      this.#transferring = undefined;
      this.#isLeaving = false;
      this.#say(said(phrases.transfer_failed));
    }
  }

  /** An answering machine: waits until it records. */
  async #machine(): Promise<void> {
    const { detect, message } = this.#settings.voicemail;
    if (!detect) return;
    this.#options.log.info('an answering machine took the call');
    this.#isLeaving = true;
    this.#interrupt(true);
    if (message === undefined) return this.#shutDown('voicemail');
    await within(LONGEST_GREETING_MS, this.#quiet(MACHINE_SILENCE_MS));
    await this.#endNow('voicemail', message);
  }

  #limitTime(): void {
    const { phrases } = this.#options;
    const leftMs = this.#leftMs;
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    // A call of a minute and a half would hardly have begun.
    if (this.#settings.maxMinutes >= 2 && leftMs > MINUTE_MS) {
      this.#after(leftMs - MINUTE_MS, () => this.#say(phrases.minute_left));
    }
    this.#after(leftMs, () => void this.#endNow('time_limit', phrases.time_over));
  }

  /** Of the longest call that the profile allows, ms; 1 s when it is over. */
  get #leftMs(): number {
    const now = performance.now();
    return Math.max(1_000, this.#settings.maxMinutes * MINUTE_MS - (now - (this.#beganAt ?? now)));
  }

  /** Says one last thing, whatever the other side says, and hangs up. */
  async #endNow(outcome: PhoneOutcome, words: string): Promise<void> {
    this.#isLeaving = true;
    this.#interrupt(true);
    const saying = this.#say(words, { allowInterruptions: false })?.waitForPlayout();
    // A voice that never comes to its end holds up no end.
    await within(LAST_WORDS_MS + words.length * SLOW_CHARACTER_MS, saying ?? Promise.resolve());
    if (!this.#over.signal.aborted) this.#after(HEARD_MS, () => this.#shutDown(outcome));
  }

  /**
   * Waits until what the agent has said with `after`, or else `say`, was heard.
   *
   * @returns `leaving` where the call ends, or is given away, for another reason by then
   */
  async #saidAndHeard(ms: number, say: string, after?: voice.SpeechHandle) {
    if (this.#isLeaving) return 'leaving';
    const hasSpoken = after?.chatItems.some(
      (item) => item.type === 'message' && item.role === 'assistant' && item.textContent?.trim(),
    );
    if (hasSpoken !== true && after?.interrupted !== true) this.#say(say);
    const quiet = await this.#quiet(ms, LONGEST_NOISE_MS);
    return this.#isLeaving ? 'leaving' : quiet;
  }

  async #quiet(ms: number, noiseMs?: number) {
    const { speeches, awaitsWords } = this.#options;
    const session = this.#session;
    if (session === undefined) return 'closed';
    return waitForQuiet({ session, speeches, awaitsWords }, { ms, noiseMs, signal: this.#over.signal });
  }

  #shutDown(outcome: PhoneOutcome): void {
    this.#isLeaving = true;
    this.#session?.shutdown({ drain: false, reason: outcome });
  }

  #say(text: string, options?: { allowInterruptions?: boolean }) {
    return this.#ask((session) => session.say(text, options));
  }

  #interrupt(force = false): void {
    const speech = this.#options.speeches.first;
    if (speech?.allowInterruptions === true || force) this.#ask((session) => session.interrupt({ force }));
  }

  #answerKeys(keys: string): void {
    if (this.#isLeaving) return;
    this.#ask((session) => session.generateReply({ userInput: this.#keyText(keys) }));
  }

  #ask<T>(what: (session: voice.AgentSession) => T): T | undefined {
    const session = this.#session;
    if (session === undefined || this.#over.signal.aborted) return undefined;
    return askSession(this.#options.log, () => what(session));
  }

  #keyText(keys: string): string {
    return Mustache.render(this.#options.words.keys, { keys }, {}, { escape: String });
  }

  /** Whether the person speaks, or has spoken and their turn has not been made of it yet; or nobody can answer them yet. */
  #isInTurn(): boolean {
    if (this.#session?.agentState === 'initializing') return true;
    const speaks = this.#session?.userState === 'speaking' || this.#options.awaitsWords();
    return speaks || performance.now() - this.#spokeAt < LONGEST_TURN_END_MS;
  }

  #after(ms: number, then: () => void): void {
    this.#timers.push(setTimeout(then, ms));
  }

  get #settings() {
    return phoneSettingsOf(this.#options.context().profile);
  }
}
