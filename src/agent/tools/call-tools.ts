import { llm } from '@livekit/agents';
import Mustache from 'mustache';
import type { z } from 'zod';
import { recall } from '../../sessions/look-up.ts';
import type { ToolPermissions } from '../../sessions/profile.ts';
import type { AgentTool, ToolContext } from './agent-tool.ts';
import { hangUp } from './call/hang-up.ts';
import { sendDtmf } from './call/send-dtmf.ts';
import { transfer } from './call/transfer.ts';
import { ChangeGate } from './change-gate.ts';
import { lookUp } from './look-up.ts';
import { updateData } from './update-data.ts';

export interface CallTools {
  gate: ChangeGate;
  /** What the model may call now. @param isCut - whether data were left out of its instructions */
  toolsFor(isCut: boolean): llm.FunctionTool[];
  /** What the caller has just named, as the model is told it; undefined for nothing in particular. */
  recall(said: string): llm.ChatItem | undefined;
}

/** The tools of one call, as far as its profile allows them. */
export function createCallTools(call: ToolContext): CallTools {
  const { words, answers, language } = call;
  const gate = new ChangeGate({ answers, declined: words.declined, awaitsYes: words.awaits_yes });
  const reading = toolFor(lookUp, call, gate);
  const changing = toolFor(updateData, call, gate);
  const phoneTools = (): llm.FunctionTool[] => {
    const allowed = (name: keyof ToolPermissions) => isAllowed(name, call.permissions());
    return [
      ...(allowed('hang_up') ? [toolFor(hangUp, call, gate)] : []),
      ...(allowed('send_dtmf') ? [toolFor(sendDtmf, call, gate)] : []),
      ...(allowed('transfer') ? [toolFor(transfer, call, gate)] : []),
    ];
  };
  return {
    gate,
    toolsFor: (isCut) => [
      ...(isCut && isAllowed('look_up', call.permissions()) ? [reading] : []),
      ...(isAllowed('update_data', call.permissions()) ? [changing] : []),
      ...(call.phone?.() === undefined ? [] : phoneTools()),
    ],
    recall: (said) => {
      const text = recall(call.dataTools(), said, language);
      if (text === undefined) return undefined;
      // No call and its result: a small model that sees one calls again, and says nothing.
      return llm.ChatMessage.create({ role: 'system', content: [fenced(text, call)] });
    },
  };
}

/** What only reads, and hanging up, may be done unless it is forbidden; what changes something has to be allowed. */
function isAllowed(name: keyof ToolPermissions, permissions: ToolPermissions): boolean {
  return permissions[name]?.allowed ?? (name === 'look_up' || name === 'hang_up');
}

function toolFor<Name extends keyof ToolPermissions, Schema extends z.ZodObject>(
  tool: AgentTool<Name, Schema>,
  call: ToolContext,
  gate: ChangeGate,
): llm.FunctionTool {
  const { words } = call;
  return llm.tool({
    name: tool.name,
    description: tool.description(words),
    parameters: tool.parameters(words, call.permissions()),
    execute: async (args, { ctx, toolCallId }) => {
      const given = args as z.output<Schema>;
      if ('read' in tool) return fenced(await tool.read(given, call), call);
      const permissions = call.permissions();
      // Asked again here: it may have changed since the model was given the tool.
      if (!isAllowed(tool.name, permissions)) throw new llm.ToolError(words.not_allowed);
      if ('act' in tool) {
        const phone = call.phone?.();
        if (phone === undefined) throw new llm.ToolError(words.not_allowed);
        return tool.act(given, call, { phone, speech: ctx.speechHandle });
      }
      const plan = () => tool.plan(given, call);
      const permission = permissions[tool.name];
      const asks = permission === undefined || !('confirm' in permission) || permission.confirm;
      if (!asks) return (await plan()).apply();
      const request = { tool: tool.name, args: given, callId: toolCallId, speech: ctx.speechHandle.id };
      return gate.pass(request, ctx.session.history.items, plan);
    },
  }) as llm.FunctionTool;
}

/** What a tool found is data too. */
function fenced(text: string, { words }: ToolContext): string {
  return Mustache.render(words.result, { text }, {}, { escape: String });
}
