import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { ToolCallStyle } from './chat-template.ts';
import type { ChatChunk, ToolCall } from './engine.ts';

export interface ChatOutputOptions {
  /** Names of the tools that may be called; none: everything is text. */
  tools: readonly string[];
  style: ToolCallStyle;
  stop: readonly string[];
  emit: (chunk: ChatChunk) => void;
}

const call = z.object({
  name: z.string(),
  arguments: z.record(z.string(), z.unknown()).optional(),
  parameters: z.record(z.string(), z.unknown()).optional(),
});

/**
 * Sorts a model's output, as it grows, into text for the listener and calls of tools. What may yet turn out to be the
 * beginning of a stop sequence or of a tool call is held back until it is clear.
 */
export class ChatOutput {
  readonly #options: ChatOutputOptions;
  readonly #marks: readonly string[];
  #held = '';
  #inCall = false;
  #started = false;
  #calls = 0;

  constructor(options: ChatOutputOptions) {
    this.#options = options;
    const { style, tools, stop } = options;
    this.#marks = [...stop, ...(style.kind === 'tagged' && tools.length > 0 ? [style.open] : [])];
  }

  /** Tools called so far. */
  get calls(): number {
    return this.#calls;
  }

  /** Whether what comes next is the JSON of a tool call; the model can be held to its grammar. */
  get inCall(): boolean {
    return this.#inCall;
  }

  /** The model is made to call a tool: its output begins inside the call. */
  beginCall(): void {
    this.#inCall = true;
  }

  /** Takes the next piece of output. @returns false when a stop sequence was reached */
  push(text: string): boolean {
    this.#held += text;
    return this.#drain();
  }

  /** The output has ended: what was held back goes out. */
  end(): void {
    if (this.#inCall || this.#looksLikeBareCall()) {
      // Without tags several calls stand on a line each; what is no call among them is for nobody's ears.
      const parts = this.#held.split(/(?<=\})\s*\n\s*(?=\{)/);
      const calls = parts.map((part) => this.#parseCall(part)).filter((one) => one !== undefined);
      for (const toolCall of calls) this.#emitCall(toolCall);
      if (calls.length === 0 && !this.#inCall) this.#emitText(this.#held);
    } else {
      this.#emitText(this.#held);
    }
    this.#held = '';
  }

  #drain(): boolean {
    if (this.#inCall) return this.#drainCall();
    if (this.#looksLikeBareCall()) return true;
    const found = earliest(this.#held, this.#marks);
    if (found === undefined) {
      const safe = this.#held.length - heldBack(this.#held, this.#marks);
      this.#emitText(this.#held.slice(0, safe));
      this.#held = this.#held.slice(safe);
      return true;
    }
    this.#emitText(this.#held.slice(0, found.at));
    this.#held = this.#held.slice(found.at + found.mark.length);
    if (this.#options.stop.includes(found.mark)) {
      this.#held = '';
      return false;
    }
    this.#inCall = true;
    return this.#drainCall();
  }

  #drainCall(): boolean {
    const toolCall = this.#parseCall(this.#held);
    if (toolCall === undefined) return true;
    this.#emitCall(toolCall);
    this.#held = '';
    this.#inCall = false;
    return true;
  }

  /** Some models leave the tags away, or write a Markdown fence instead. */
  #looksLikeBareCall(): boolean {
    if (this.#started || this.#options.tools.length === 0) return false;
    const begin = this.#held.trimStart();
    if (begin === '') return false;
    return begin.startsWith('{') || '```json'.startsWith(begin) || begin.startsWith('```json');
  }

  #parseCall(text: string): ToolCall | undefined {
    const json = text.replace(/^\s*(?:```json)?|(?:```|<\/tool_call>)?\s*$/g, '').trim();
    if (!json.endsWith('}')) return undefined;
    const parsed = call.safeParse(parseJson(json));
    if (!parsed.success || !this.#options.tools.includes(parsed.data.name)) return undefined;
    return {
      id: `call_${randomUUID().replaceAll('-', '').slice(0, 24)}`,
      name: parsed.data.name,
      arguments: JSON.stringify(parsed.data.arguments ?? parsed.data.parameters ?? {}),
    };
  }

  #emitCall(toolCall: ToolCall): void {
    this.#started = true;
    this.#calls += 1;
    this.#options.emit({ kind: 'toolCall', toolCall });
  }

  #emitText(text: string): void {
    // Between calls come the closing tag and line breaks, which are no words.
    const { style } = this.#options;
    const words = this.#calls > 0 && style.kind === 'tagged' ? text.replaceAll(style.close, '') : text;
    if (words === '' || (this.#calls > 0 && words.trim() === '')) return;
    this.#started = true;
    this.#options.emit({ kind: 'text', text: words });
  }
}

function earliest(text: string, marks: readonly string[]): { at: number; mark: string } | undefined {
  return marks
    .map((mark) => ({ at: text.indexOf(mark), mark }))
    .filter(({ at }) => at !== -1)
    .sort((a, b) => a.at - b.at)[0];
}

/** How many characters at the end may be the beginning of a mark. */
function heldBack(text: string, marks: readonly string[]): number {
  const lengths = marks.flatMap((mark) =>
    Array.from({ length: Math.min(mark.length - 1, text.length) }, (_, index) => index + 1).filter((length) =>
      text.endsWith(mark.slice(0, length)),
    ),
  );
  return Math.max(0, ...lengths);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
