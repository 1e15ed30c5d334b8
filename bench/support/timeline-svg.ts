import type { EngineSpan } from './engine-recorder.ts';

/** A call as it was heard and seen; all moments in ms of one clock. */
export interface RecordedCall {
  /** What the caller said: sound from `from` to `to`. */
  said: ReadonlyArray<{ text: string; from: number; to: number }>;
  /** Level of each piece of sound, dB under full scale, from `from` on. */
  callerLevels: Levels;
  agentLevels: Levels;
  /** First sound of the agent after each thing that was said, if it came after its end. */
  answers: ReadonlyArray<{ questionEnd: number; firstSound: number }>;
  engines: readonly EngineSpan[];
  states: ReadonlyArray<{ state: string; at: number }>;
  end: number;
}

export interface Levels {
  from: number;
  /** Length of each piece, ms. */
  stepMs: number;
  db: readonly number[];
}

const WIDTH = 1200;
const LEFT = 118;
const RIGHT = 16;
const LANE = 30;
const GAP = 10;
const COLUMN = 2;
/** Width of a small letter, about. */
const CHARACTER = 6;
const QUIET_DB = -55;
const LOUD_DB = -12;
/** Around the end of the question that the second panel looks at closely, ms. */
const CLOSE_BEFORE_MS = 900;
const CLOSE_AFTER_MS = 600;

const ENGINE_LANES = [
  { engine: 'stt', label: 'speech to text' },
  { engine: 'llm', label: 'model' },
  { engine: 'tts', label: 'voice' },
] as const;

/** Readable on white and on black, because a picture in a README has no background of its own. */
const STYLE = `
text{font:12px system-ui,sans-serif;fill:#6e7781}
.title{font-weight:600;font-size:13px}.small{font-size:11px}.number{font-weight:600;fill:#1f883d}
.grid{stroke:#8b949e;stroke-opacity:.25}.zero{stroke:#8b949e;stroke-dasharray:3 3}
.caller{fill:#3b82f6}.agent{fill:#10b981}.stt{fill:#8b5cf6}.llm{fill:#f59e0b}.tts{fill:#ec4899}
.wait{opacity:.4}.given-up{opacity:.45}.given-up.wait{opacity:.2}
.listening{fill:#8b949e;opacity:.25}.thinking{fill:#f59e0b;opacity:.55}.speaking{fill:#10b981;opacity:.55}.other{fill:#8b949e;opacity:.1}
.span{stroke:#1f883d;stroke-width:1.5}`;

/**
 * Draws a call: what both ends said, what each engine did, and the agent's state, over the whole call, and below it once
 * more around the end of one question, close enough to read the milliseconds.
 *
 * @param call.answers - the first one is the one that is looked at closely
 * @returns an SVG document
 */
export function drawTimeline(call: RecordedCall): string {
  const from = Math.min(call.callerLevels.from, call.agentLevels.from);
  const whole = new Panel(call, { from, to: call.end, top: 24, zero: from, tickMs: 1_000, close: false });
  const [first] = call.answers;
  const parts = [whole.draw('The call, s')];
  let height = whole.bottom + 20;
  if (first !== undefined) {
    const close = new Panel(call, {
      from: first.questionEnd - CLOSE_BEFORE_MS,
      to: first.firstSound + CLOSE_AFTER_MS,
      top: height + 24,
      zero: first.questionEnd,
      tickMs: 100,
      close: true,
    });
    const question = call.said.find(({ to }) => Math.abs(to - first.questionEnd) < 1);
    parts.push(close.draw(`Around the end of «${question?.text ?? ''}», ms`));
    height = close.bottom + 20;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Timeline of a call"><style>${STYLE}</style>
${parts.join('\n')}
</svg>
`;
}

interface View {
  from: number;
  to: number;
  top: number;
  /** The moment that the scale counts from. */
  zero: number;
  tickMs: number;
  /** With the length of each bar written beside it. */
  close: boolean;
}

/** One stretch of the call with all of its lanes. */
class Panel {
  readonly #call: RecordedCall;
  readonly #view: View;

  constructor(call: RecordedCall, view: View) {
    this.#call = call;
    this.#view = view;
  }

  get bottom(): number {
    return this.#lane(6) + 6;
  }

  draw(title: string): string {
    const { callerLevels, agentLevels, answers } = this.#call;
    return [
      `<text class="title" x="0" y="${this.#view.top - 10}">${escaped(title)}</text>`,
      this.#grid(),
      this.#label(0, 'caller'),
      this.#wave(0, callerLevels, 'caller'),
      this.#words(),
      this.#label(1, 'agent, as heard'),
      this.#wave(1, agentLevels, 'agent'),
      ...ENGINE_LANES.flatMap(({ engine, label }, at) => [
        this.#label(2 + at, label),
        ...this.#call.engines
          .filter((span) => span.engine === engine)
          .map((span) => this.#engine(2 + at, span)),
      ]),
      this.#label(5, 'state'),
      ...this.#states(),
      ...answers.map((answer) => this.#wait(answer)),
    ].join('\n');
  }

  #lane(index: number): number {
    return this.#view.top + 14 + index * (LANE + GAP);
  }

  #x(at: number): number {
    const { from, to } = this.#view;
    const share = (Math.min(to, Math.max(from, at)) - from) / (to - from);
    return round(LEFT + share * (WIDTH - LEFT - RIGHT));
  }

  #visible(from: number, to: number): boolean {
    return to > this.#view.from && from < this.#view.to;
  }

  #grid(): string {
    const { from, to, zero, tickMs, top, close } = this.#view;
    const lines: string[] = [];
    const [first, last] = [Math.ceil((from - zero) / tickMs), Math.floor((to - zero) / tickMs)];
    // At most about twenty numbers fit side by side.
    const each = Math.max(1, Math.ceil((last - first) / 20));
    for (let tick = first; tick <= last; tick += 1) {
      const x = this.#x(zero + tick * tickMs);
      const kind = close && tick === 0 ? 'zero' : 'grid';
      lines.push(`<line class="${kind}" x1="${x}" x2="${x}" y1="${top + 8}" y2="${this.bottom}"/>`);
      if (tick % each !== 0) continue;
      const number = close ? tick * tickMs : (tick * tickMs) / 1_000;
      lines.push(`<text class="small" text-anchor="middle" x="${x}" y="${top + 4}">${number}</text>`);
    }
    return lines.join('');
  }

  #label(lane: number, text: string): string {
    return `<text x="0" y="${this.#lane(lane) + LANE / 2 + 4}">${text}</text>`;
  }

  /** Loudness as columns around the middle of the lane. */
  #wave(lane: number, { from, stepMs, db }: Levels, kind: string): string {
    const { from: left, to } = this.#view;
    const msPerColumn = ((to - left) / (WIDTH - LEFT - RIGHT)) * COLUMN;
    const middle = this.#lane(lane) + LANE / 2;
    let path = '';
    for (let at = left; at < to; at += msPerColumn) {
      const first = Math.floor((at - from) / stepMs);
      const last = Math.max(first + 1, Math.floor((at + msPerColumn - from) / stepMs));
      const loudest = Math.max(QUIET_DB, ...db.slice(Math.max(0, first), Math.max(0, last)));
      const half = round((Math.min(1, (loudest - QUIET_DB) / (LOUD_DB - QUIET_DB)) * LANE) / 2);
      if (half < 0.5) continue;
      path += `M${this.#x(at)} ${round(middle - half)}h${COLUMN - 0.5}v${round(half * 2)}h-${COLUMN - 0.5}z`;
    }
    return path === '' ? '' : `<path class="${kind}" d="${path}"/>`;
  }

  #words(): string {
    if (this.#view.close) return '';
    const y = this.#lane(0) - 1;
    const { said, end } = this.#call;
    return said
      .map(({ text, from }, at) => {
        const room = (this.#x(said[at + 1]?.from ?? end) - this.#x(from)) / CHARACTER;
        const shown = text.length > room ? `${text.slice(0, Math.max(0, room - 1)).trimEnd()}…` : text;
        return `<text class="small" x="${this.#x(from)}" y="${y}">${escaped(shown)}</text>`;
      })
      .join('');
  }

  /** Pale until the first byte of the answer; paler where nobody waited for its end. */
  #engine(lane: number, span: EngineSpan): string {
    const { engine, from, firstByteAt, to = this.#call.end, complete } = span;
    if (!this.#visible(from, to)) return '';
    const kind = complete ? engine : `${engine} given-up`;
    const [y, height] = [this.#lane(lane) + 4, LANE - 8];
    const bar = (begin: number, end: number, classes: string) => {
      const [x, width] = [this.#x(begin), Math.max(1.5, round(this.#x(end) - this.#x(begin)))];
      return `<rect class="${classes}" x="${x}" y="${y}" width="${width}" height="${height}" rx="2"/>`;
    };
    const answered = firstByteAt ?? to;
    const bars = [bar(from, answered, `${kind} wait`), ...(answered < to ? [bar(answered, to, kind)] : [])];
    if (this.#view.close) {
      const what = complete ? `${Math.round(answered - from)}` : 'given up';
      bars.push(`<text class="small" x="${this.#x(from) + 3}" y="${y + height / 2 + 4}">${what}</text>`);
    }
    return bars.join('');
  }

  #states(): string[] {
    const { states, end } = this.#call;
    return states.flatMap(({ state, at }, index) => {
      const until = states[index + 1]?.at ?? end;
      if (!this.#visible(at, until)) return [];
      const [x, right] = [this.#x(at), this.#x(until)];
      const known = ['listening', 'thinking', 'speaking'].includes(state) ? state : 'other';
      const y = this.#lane(5) + 6;
      const name =
        right - x > 60 ? `<text class="small" x="${x + 4}" y="${y + 13}">${escaped(state)}</text>` : '';
      return [
        `<rect class="${known}" x="${x}" y="${y}" width="${round(right - x)}" height="${LANE - 12}" rx="2"/>${name}`,
      ];
    });
  }

  /** The silence between a question and its answer, with its length. */
  #wait({ questionEnd, firstSound }: RecordedCall['answers'][number]): string {
    if (!this.#visible(questionEnd, firstSound)) return '';
    const [x1, x2, y] = [this.#x(questionEnd), this.#x(firstSound), this.#lane(1) - GAP / 2];
    const ms = `${Math.round(firstSound - questionEnd)} ms`;
    const [anchor, x] = this.#view.close ? ['middle', (x1 + x2) / 2] : ['start', x2 + 4];
    return (
      `<path class="span" fill="none" d="M${x1} ${y - 4}v8M${x1} ${y}H${x2}M${x2} ${y - 4}v8"/>` +
      `<text class="number" text-anchor="${anchor}" x="${round(x)}" y="${this.#view.close ? y - 6 : y + 4}">${ms}</text>`
    );
  }
}

function round(value: number): number {
  return Number(value.toFixed(1));
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
