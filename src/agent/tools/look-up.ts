import { z } from 'zod';
import { lookUp as find } from '../../sessions/look-up.ts';
import type { AgentTool } from './agent-tool.ts';

type Parameters = z.ZodObject<{ path: z.ZodString }>;

/** Reads what did not fit into the prompt. */
export const lookUp: AgentTool<'look_up', Parameters> = {
  name: 'look_up',
  description: ({ look_up }) => look_up.description,
  parameters: ({ look_up }) => z.object({ path: z.string().describe(look_up.path) }),
  read: async ({ path }, { dataTools, language }) => find(dataTools(), path, language),
};
