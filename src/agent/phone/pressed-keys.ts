/** How keys become one entry. */
export interface DigitSettings {
  /** Most keys of an entry. */
  max: number;
  /** Pause after a key that ends the entry, ms. */
  timeout_ms: number;
  /** Key that ends the entry and is no part of it; empty for none. */
  end: string;
}

export interface PressedKeysOptions {
  settings: () => DigitSettings;
  /** Whether the person is in the middle of a turn of words, which the entry then belongs to. */
  isSpeaking: () => boolean;
  /** The first key of an entry. */
  onFirst: () => void;
  /** An entry that stands alone. */
  onEntry: (keys: string) => void;
}

/** Words may still come this long after speech, and take the entry along, ms. */
const LOOK_AGAIN_MS = 300;

/**
 * Puts keys that the person presses together into entries: up to the end key, the most keys of an entry, or a pause. An
 * entry made while the person speaks waits for their turn, and goes with it ({@link take}).
 */
export class PressedKeys {
  readonly #options: PressedKeysOptions;
  #keys = '';
  /** Complete, in order, and not given to anybody. */
  #entries: string[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PressedKeysOptions) {
    this.#options = options;
  }

  /** @param key - one of `0-9*#A-D` */
  press(key: string): void {
    const { max, timeout_ms: pauseMs, end } = this.#options.settings();
    if (this.#keys === '') this.#options.onFirst();
    clearTimeout(this.#timer);
    // The end key alone is an answer too: «para continuar, pulse almohadilla».
    const isEnd = key === end && this.#keys !== '';
    if (!isEnd) this.#keys += key;
    if (isEnd || key === end || this.#keys.length >= max) this.#complete();
    else this.#timer = setTimeout(() => this.#complete(), pauseMs);
  }

  /** The entries that go with the person's words; undefined for none. */
  take(): string | undefined {
    const entries = this.#entries;
    if (entries.length === 0) return undefined;
    this.#entries = [];
    if (this.#keys === '') clearTimeout(this.#timer);
    return entries.join(' ');
  }

  /** Forgets what was pressed. */
  close(): void {
    clearTimeout(this.#timer);
    this.#keys = '';
    this.#entries = [];
  }

  #complete(): void {
    this.#entries.push(this.#keys);
    this.#keys = '';
    this.#give();
  }

  #give(): void {
    clearTimeout(this.#timer);
    if (this.#options.isSpeaking()) {
      this.#timer = setTimeout(() => this.#give(), LOOK_AGAIN_MS);
      return;
    }
    const entries = this.take();
    if (entries !== undefined) this.#options.onEntry(entries);
  }
}
