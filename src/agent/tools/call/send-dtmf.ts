import { z } from 'zod';
import { TELEPHONE_KEYS } from '../../../telephone-keys.ts';
import { type AgentTool, ToolError } from '../agent-tool.ts';

/** Longest entry that any menu asks for. */
const MAX_KEYS = 32;

type Parameters = z.ZodObject<{ digits: z.ZodCoercedString<unknown> }>;

/**
 * Presses keys of the telephone. The framework's own tool (`beta/tools/send_dtmf.ts`) knows SIP alone, and has the model
 * write a list of enumerated keys.
 */
export const sendDtmf: AgentTool<'send_dtmf', Parameters> = {
  name: 'send_dtmf',
  description: ({ send_dtmf }) => send_dtmf.description,
  // Small models write a number where there are digits only.
  parameters: ({ send_dtmf }) => z.object({ digits: z.coerce.string().describe(send_dtmf.digits) }),
  act: async ({ digits }, { words }, { phone }) => {
    const keys = digits.toUpperCase().replace(/[\s,.-]+/g, '');
    if (!TELEPHONE_KEYS.test(keys) || keys.length > MAX_KEYS) throw new ToolError(words.send_dtmf.wrong);
    try {
      await phone.sendDigits(keys);
    } catch {
      throw new ToolError(words.send_dtmf.failed);
    }
  },
};
