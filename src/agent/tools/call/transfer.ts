import { z } from 'zod';
import { type AgentTool, ToolError } from '../agent-tool.ts';

type Parameters = z.ZodObject<{ to: z.ZodType<string> }>;

/**
 * Gives the call to one of those whom the profile names: the model chooses a name, and neither it nor the caller a number.
 * The framework's own workflow (`workflows/warm_transfer.ts`) moves participants between rooms, which LiveKit Cloud alone can.
 */
export const transfer: AgentTool<'transfer', Parameters> = {
  name: 'transfer',
  description: (words) => words.transfer.description,
  parameters: (words, permissions) =>
    z.object({
      to: z.enum((permissions.transfer?.to ?? []).map(({ name }) => name)).describe(words.transfer.to),
    }),
  act: async ({ to }, { words, permissions }, { phone, speech }) => {
    const settings = permissions().transfer;
    const destination = settings?.to.find(({ name }) => name === to);
    // The profile may have changed since the model was given the names.
    if (settings === undefined || destination === undefined) throw new ToolError(words.not_allowed);
    phone.transfer({ ...destination, mode: settings.mode, ringSeconds: settings.ring_s }, speech);
  },
};
