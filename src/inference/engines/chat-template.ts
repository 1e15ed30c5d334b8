import { Template } from '@huggingface/jinja';
import type { ChatMessage, ChatTool } from './engine.ts';

/** How a model writes a call of a tool. `tagged`: JSON between `open` and `close`; `bare`: nothing but the JSON. */
export type ToolCallStyle =
  | { kind: 'tagged'; open: string; close: string; argumentsKey: 'arguments' }
  | { kind: 'bare'; argumentsKey: 'arguments' | 'parameters' };

export interface ChatTemplateOptions {
  /** The model's own Jinja template, as its GGUF carries it. */
  template: string;
  /** Special tokens (`<|im_end|>`, …): in somebody's words they would end a message and begin another. */
  controlTokens: readonly string[];
  bosToken: string;
  eosToken: string;
}

/** Renders conversations into the text that the model was trained on. */
export class ChatTemplate {
  readonly toolCallStyle: ToolCallStyle;
  readonly #template: Template;
  readonly #options: ChatTemplateOptions;

  constructor(options: ChatTemplateOptions) {
    this.#options = options;
    this.#template = new Template(options.template);
    this.toolCallStyle = options.template.includes('<tool_call>')
      ? { kind: 'tagged', open: '<tool_call>', close: '</tool_call>', argumentsKey: 'arguments' }
      : {
          kind: 'bare',
          argumentsKey: options.template.includes('"parameters"') ? 'parameters' : 'arguments',
        };
  }

  /** The prompt, up to where the model's answer begins. */
  render(messages: readonly ChatMessage[], tools: readonly ChatTool[]): string {
    return this.#template.render({
      messages: messages.map((message) => this.#message(message)),
      ...(tools.length === 0 ? {} : { tools: tools.map(toOpenAiTool) }),
      add_generation_prompt: true,
      bos_token: this.#options.bosToken,
      eos_token: this.#options.eosToken,
      // Models that can think aloud are asked not to: a caller is waiting.
      enable_thinking: false,
    });
  }

  #message({ role, content, toolCalls, toolCallId }: ChatMessage): Record<string, unknown> {
    return {
      role,
      content: this.#plain(content),
      ...(toolCallId === undefined ? {} : { tool_call_id: toolCallId }),
      ...(toolCalls === undefined || toolCalls.length === 0
        ? {}
        : {
            tool_calls: toolCalls.map((call) => ({
              id: call.id,
              type: 'function',
              function: { name: this.#plain(call.name), arguments: parsed(this.#plain(call.arguments)) },
            })),
          }),
    };
  }

  #plain(text: string): string {
    let plain = text;
    // What is left of one token may make another: `<|im_<|im_end|>start|>`.
    for (let before: string | undefined; before !== plain; ) {
      before = plain;
      plain = this.#options.controlTokens.reduce((rest, token) => rest.replaceAll(token, ''), plain);
    }
    return plain;
  }
}

function toOpenAiTool({ name, description, parameters }: ChatTool): Record<string, unknown> {
  return { type: 'function', function: { name, description: description ?? '', parameters } };
}

/** Templates write arguments as JSON themselves. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
