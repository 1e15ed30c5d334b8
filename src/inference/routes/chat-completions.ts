import { randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ChatChunk, ChatResult } from '../engines/engine.ts';
import type { LocalModels } from '../local-models.ts';
import { toCharlaError, toOpenAiError } from '../openai-error.ts';
import { chatBody, toChatRequest } from './chat-request.ts';
import { clientKey, clientSignal } from './client.ts';

/**
 * `POST /v1/chat/completions`: messages, tools, `response_format`, and the usual sampling fields; `stream` sends
 * server-sent events. `usage.prompt_tokens_details.cached_tokens` says how much of the prompt was still in memory.
 */
export function chatRoutes(server: FastifyInstance, models: LocalModels): void {
  server.post('/v1/chat/completions', async (request, reply) => {
    const body = chatBody.parse(request.body);
    const chatRequest = toChatRequest(body);
    const { model, host } = await models.engine(body.model, 'llm');
    const signal = clientSignal(reply);
    const client = clientKey(request, body.user ?? undefined);
    const head = {
      id: `chatcmpl-${randomUUID()}`,
      created: Math.floor(Date.now() / 1000),
      model: model.id,
    };
    const run = (onChunk: (chunk: ChatChunk) => void) => host.run(chatRequest, { client, signal, onChunk });
    if (body.stream === true) {
      const includeUsage = body.stream_options?.include_usage === true;
      await stream(reply, { ...head, object: 'chat.completion.chunk' }, run, includeUsage);
      return reply;
    }
    const chunks: ChatChunk[] = [];
    const result = await run((chunk) => chunks.push(chunk));
    return {
      ...head,
      object: 'chat.completion',
      choices: [{ index: 0, message: toMessage(chunks), logprobs: null, finish_reason: result.finishReason }],
      usage: usageOf(result),
    };
  });
}

type Run = (onChunk: (chunk: ChatChunk) => void) => Promise<ChatResult>;

/** Nothing is written before the first chunk: until then an error can still be answered with its status. */
async function stream(reply: FastifyReply, head: object, run: Run, includeUsage: boolean): Promise<void> {
  let begun = false;
  const write = (event: object | '[DONE]') => {
    if (!begun) begin(reply);
    begun = true;
    const data = typeof event === 'string' ? event : JSON.stringify(event);
    reply.raw.write(`data: ${data}\n\n`);
  };
  const choice = (delta: object, finishReason: string | null = null) =>
    write({
      ...head,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
      ...(includeUsage ? { usage: null } : {}),
    });
  let toolCalls = 0;
  try {
    const result = await run((chunk) => {
      if (!begun) choice({ role: 'assistant', content: chunk.kind === 'text' ? '' : null });
      if (chunk.kind === 'text') choice({ content: chunk.text });
      else {
        choice({ tool_calls: [{ index: toolCalls, ...toToolCall(chunk.toolCall) }] });
        toolCalls += 1;
      }
    });
    if (!begun) choice({ role: 'assistant', content: '' });
    choice({}, result.finishReason);
    if (includeUsage) write({ ...head, choices: [], usage: usageOf(result) });
    write('[DONE]');
  } catch (error) {
    if (!begun) throw error;
    write(toOpenAiError(toCharlaError(error)));
  }
  reply.raw.end();
}

function begin(reply: FastifyReply): void {
  reply.hijack();
  reply.raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
  });
}

function toMessage(chunks: readonly ChatChunk[]) {
  const text = chunks.map((chunk) => (chunk.kind === 'text' ? chunk.text : '')).join('');
  const calls = chunks.flatMap((chunk) => (chunk.kind === 'toolCall' ? [toToolCall(chunk.toolCall)] : []));
  return {
    role: 'assistant',
    content: text === '' && calls.length > 0 ? null : text,
    refusal: null,
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

function toToolCall({ id, name, arguments: args }: { id: string; name: string; arguments: string }) {
  return { id, type: 'function', function: { name, arguments: args } };
}

function usageOf({ promptTokens, cachedTokens, completionTokens }: ChatResult) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}
