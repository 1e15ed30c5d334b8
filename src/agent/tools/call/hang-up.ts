import { z } from 'zod';
import type { AgentTool } from '../agent-tool.ts';

type Parameters = z.ZodObject<Record<never, never>>;

/**
 * Ends the call, once the agent's last words were heard. The framework's own tool (`beta/tools/end_call.ts`) has the model
 * say goodbye in another answer, and hangs up whatever the caller says over it.
 */
export const hangUp: AgentTool<'hang_up', Parameters> = {
  name: 'hang_up',
  description: ({ hang_up }) => hang_up.description,
  parameters: () => z.object({}),
  act: async (_args, _call, { phone, speech }) => phone.hangUp(speech),
};
