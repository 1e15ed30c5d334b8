import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { resolveProviders } from '../../providers/resolve.ts';
import type { HttpContext } from '../context.ts';
import { languageSchema } from '../schemas.ts';

const MODEL_KNOWN_FOR_MS = 10_000;

const settingsSchema = z
  .object({
    project_name: z.string(),
    llm_model: z.string(),
    language: languageSchema,
    auto_connect: z.boolean(),
    enable_tools: z.boolean(),
    frontend_theme: z.enum(['modern', 'minimal', 'dark']),
  })
  .meta({
    id: 'Settings',
    examples: [
      {
        project_name: 'Charla',
        llm_model: 'llama3.2:1b',
        language: 'es',
        auto_connect: true,
        enable_tools: true,
        frontend_theme: 'modern',
      },
    ],
  });

/** `GET /settings`: how the page looks and behaves. Nothing secret is in it: it needs no key. */
export const settingsRoutes: FastifyPluginAsyncZod<{ context: HttpContext }> = async (app, { context }) => {
  const { config } = context;
  let llmModel: { name: Promise<string>; at: number } | undefined;
  // `auto` looks for an Ollama, which takes up to 0.8 s when none answers: not for each page.
  const modelName = () => {
    if (llmModel === undefined || Date.now() - llmModel.at > MODEL_KNOWN_FOR_MS) {
      llmModel = { name: resolveProviders(config).then(({ llm }) => llm.model), at: Date.now() };
    }
    return llmModel.name;
  };
  app.route({
    method: 'GET',
    url: '/settings',
    schema: {
      summary: 'How the page looks and behaves',
      tags: ['page'],
      response: { 200: settingsSchema },
    },
    handler: async (_request, reply) =>
      reply.send({
        project_name: config.PROJECT_NAME,
        llm_model: await modelName(),
        language: config.LANGUAGE,
        auto_connect: config.AUTO_CONNECT,
        enable_tools: config.ENABLE_TOOLS && config.CLIENT_DATA_TOOLS,
        frontend_theme: config.FRONTEND_THEME,
      }),
  });
};
