import { z } from 'zod';
import { CharlaError } from '../../errors.ts';
import type { ChatMessage, ChatRequest } from '../engines/engine.ts';

const DEFAULT_TEMPERATURE = 0.7;
/** Small models sometimes never stop. */
const DEFAULT_MAX_TOKENS = 1024;

const textPart = z.object({ type: z.enum(['text', 'refusal']), text: z.string().default('') });
const content = z
  .union([z.string(), z.array(textPart)], { error: 'is neither a string nor a list of text parts' })
  .transform((value) => (typeof value === 'string' ? value : value.map(({ text }) => text).join('')));

const message = z.discriminatedUnion('role', [
  z.object({ role: z.enum(['system', 'developer', 'user']), content }),
  z.object({
    role: z.literal('assistant'),
    content: content.nullish(),
    tool_calls: z
      .array(z.object({ id: z.string(), function: z.object({ name: z.string(), arguments: z.string() }) }))
      .optional(),
  }),
  z.object({ role: z.literal('tool'), content, tool_call_id: z.string() }),
]);

const jsonSchema = z.record(z.string(), z.unknown());
const tool = z.object({
  type: z.literal('function'),
  function: z.object({
    name: z.string().regex(/^[\w-]{1,64}$/, 'has other characters than letters, digits, _ and -'),
    description: z.string().optional(),
    parameters: jsonSchema.default({ type: 'object', properties: {} }),
  }),
});

/** The body of `POST /v1/chat/completions`, as far as it is served here; other fields are ignored. */
export const chatBody = z.object({
  model: z.string().min(1),
  messages: z.array(message).min(1).max(1000),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().optional() }).nullish(),
  tools: z.array(tool).max(128).nullish(),
  tool_choice: z
    .union([
      z.enum(['none', 'auto', 'required']),
      z.object({ type: z.literal('function'), function: z.object({ name: z.string() }) }),
    ])
    .nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('text') }),
      z.object({ type: z.literal('json_object') }),
      z.object({ type: z.literal('json_schema'), json_schema: z.object({ schema: jsonSchema }) }),
    ])
    .nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  max_tokens: z.number().int().min(1).nullish(),
  max_completion_tokens: z.number().int().min(1).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(4)]).nullish(),
  seed: z.number().int().nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  n: z.literal(1, { error: 'one answer a request is served here' }).nullish(),
  user: z.string().min(1).max(200).nullish(),
});
export type ChatBody = z.output<typeof chatBody>;

/** What the engine is asked for. @throws CharlaError `CHARLA_REQUEST_INVALID`, when `tool_choice` names no tool */
export function toChatRequest(body: ChatBody): ChatRequest {
  const tools = (body.tools ?? []).map(({ function: { name, description, parameters } }) => ({
    name,
    parameters,
    ...(description === undefined ? {} : { description }),
  }));
  const stop = typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []);
  return {
    messages: body.messages.map(toMessage),
    tools,
    toolChoice: toolChoiceOf(body, new Set(tools.map(({ name }) => name))),
    parallelToolCalls: body.parallel_tool_calls ?? true,
    format: formatOf(body.response_format),
    temperature: body.temperature ?? DEFAULT_TEMPERATURE,
    topP: body.top_p ?? 1,
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? DEFAULT_MAX_TOKENS,
    stop: stop.filter((sequence) => sequence !== ''),
    frequencyPenalty: body.frequency_penalty ?? 0,
    presencePenalty: body.presence_penalty ?? 0,
    ...(body.seed == null ? {} : { seed: body.seed }),
  };
}

function toMessage(given: ChatBody['messages'][number]): ChatMessage {
  if (given.role === 'tool') {
    return { role: 'tool', content: given.content, toolCallId: given.tool_call_id };
  }
  if (given.role !== 'assistant') {
    return { role: given.role === 'developer' ? 'system' : given.role, content: given.content };
  }
  const toolCalls = (given.tool_calls ?? []).map(({ id, function: { name, arguments: args } }) => ({
    id,
    name,
    arguments: args,
  }));
  return {
    role: 'assistant',
    content: given.content ?? '',
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
  };
}

function toolChoiceOf({ tool_choice: choice }: ChatBody, names: Set<string>): ChatRequest['toolChoice'] {
  const forced = choice != null && choice !== 'auto' && choice !== 'none';
  const name = typeof choice === 'object' ? choice?.function.name : undefined;
  if (forced && (names.size === 0 || (name !== undefined && !names.has(name)))) {
    throw new CharlaError('CHARLA_REQUEST_INVALID', {
      problems: `tool_choice: there is no such tool in «tools»`,
      param: 'tool_choice',
    });
  }
  if (name !== undefined) return { name };
  return typeof choice === 'string' ? choice : 'auto';
}

function formatOf(format: ChatBody['response_format']): ChatRequest['format'] {
  if (format == null || format.type === 'text') return 'text';
  return format.type === 'json_object' ? 'json' : { schema: format.json_schema.schema };
}
