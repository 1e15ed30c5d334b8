import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { CharlaError } from '../../errors.ts';
import { checkSchema } from '../../sessions/data-tools-schema.ts';
import { type Profile, profileSettingsSchema } from '../../sessions/profile.ts';
import type { HttpContext } from '../context.ts';
import { allowsChange, isNamedBy } from '../etag.ts';
import { cursorInvalid, pageFrom, pageOf, pageQuery } from '../paging.ts';
import { profileSchema, STORE_PROBLEMS } from '../schemas.ts';

const EXAMPLE = {
  instructions: 'Atiendes una tienda de informática.',
  numbers: ['+34911234567'],
  data_tools_schema: { type: 'object', required: ['user_context'] },
  tools: { update_data: { allowed: true, confirm: true, paths: ['/user_context'] } },
};

const settingsSchema = profileSettingsSchema.meta({ id: 'ProfileSettings', examples: [EXAMPLE] });
const answerSchema = z
  .object({
    name: z.string(),
    settings: settingsSchema,
    revision: z.int(),
    updated_at: z.iso.datetime(),
  })
  .meta({
    id: 'Profile',
    examples: [{ name: 'shop', settings: EXAMPLE, revision: 1, updated_at: '2026-01-01T12:00:00.000Z' }],
  });
const paramsSchema = z.object({ name: profileSchema });
const cursorSchema = z.base64url().max(128);
const ETAG_HEADER = { ETag: 'Of this revision, for If-Match and If-None-Match.' };
const tags = ['profiles'];

/** `/profiles`: how the agent is for the sessions that name one. */
export const profileRoutes: FastifyPluginAsyncZod<{ context: HttpContext }> = async (app, { context }) => {
  const { profiles } = context;

  app.route({
    method: 'GET',
    url: '/profiles',
    schema: {
      tags,
      summary: 'List the profiles, by name',
      problems: STORE_PROBLEMS,
      querystring: z.object(pageQuery),
      response: { 200: pageOf(answerSchema).meta({ id: 'Profiles' }) },
    },
    handler: async ({ query: { limit, cursor } }) => {
      const found = await profiles.list(limit + 1, cursor === undefined ? undefined : nameOf(cursor));
      return pageFrom(found, limit, answerOf, ({ name }) => Buffer.from(name).toString('base64url'));
    },
  });

  app.route({
    method: 'GET',
    url: '/profiles/:name',
    schema: {
      tags,
      summary: 'Read a profile',
      description: 'The agent of a call reads it too. With `If-None-Match`, 304 when it is the same.',
      problems: ['CHARLA_PROFILE_NOT_FOUND', ...STORE_PROBLEMS],
      params: paramsSchema,
      headers: z.looseObject({ 'if-none-match': z.string().optional() }),
      response: { 200: answerSchema, 304: z.undefined().describe('It is the same.') },
      responseHeaders: { 200: ETAG_HEADER },
    },
    handler: async ({ params: { name }, headers }, reply) => {
      const profile = await profiles.get(name);
      if (profile === undefined) throw new CharlaError('CHARLA_PROFILE_NOT_FOUND', { name });
      const etag = etagOf(profile);
      reply.header('etag', etag).header('cache-control', 'private, no-cache');
      if (isNamedBy(headers['if-none-match'], etag)) return reply.code(304).send();
      return reply.send(answerOf(profile));
    },
  });

  app.route({
    method: 'PUT',
    url: '/profiles/:name',
    schema: {
      tags,
      summary: 'Make a profile, or replace its settings',
      description:
        'Calls that run keep what they have. With `If-Match`, only if it is still of that ETag; with `If-None-Match: *`, only if there is none.',
      problems: [
        'CHARLA_PROFILE_INVALID',
        'CHARLA_PROFILE_CHANGED',
        'CHARLA_PROFILE_NUMBER_TAKEN',
        ...STORE_PROBLEMS,
      ],
      params: paramsSchema,
      headers: z.looseObject({ 'if-match': z.string().optional(), 'if-none-match': z.string().optional() }),
      body: settingsSchema,
      response: { 200: answerSchema, 201: answerSchema },
      responseHeaders: { 200: ETAG_HEADER, 201: ETAG_HEADER },
    },
    handler: async ({ params: { name }, body, headers }, reply) => {
      if (body.data_tools_schema !== undefined) checkSchema(body.data_tools_schema);
      const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers;
      const done = await profiles.put(name, body, (current) => {
        const etag = current === undefined ? undefined : etagOf(current);
        return allowsChange(ifMatch, etag) && (etag === undefined || !isNamedBy(ifNoneMatch, etag));
      });
      if (done === undefined) throw new CharlaError('CHARLA_PROFILE_CHANGED', { name });
      reply.header('etag', etagOf(done.profile));
      return reply.code(done.created ? 201 : 200).send(answerOf(done.profile));
    },
  });

  app.route({
    method: 'DELETE',
    url: '/profiles/:name',
    schema: {
      tags,
      summary: 'Delete a profile',
      description: 'Its sessions go on, without settings.',
      problems: ['CHARLA_PROFILE_NOT_FOUND', ...STORE_PROBLEMS],
      params: paramsSchema,
      response: { 204: z.undefined().describe('It is gone.') },
    },
    handler: async ({ params: { name } }, reply) => {
      if (!(await profiles.delete(name))) throw new CharlaError('CHARLA_PROFILE_NOT_FOUND', { name });
      return reply.code(204).send();
    },
  });
};

function answerOf({ name, settings, revision, updatedAt }: Profile): z.output<typeof answerSchema> {
  return { name, settings, revision, updated_at: updatedAt.toISOString() };
}

/** With the time: a profile that was deleted and made again begins at revision 1 once more. */
function etagOf({ revision, updatedAt }: Profile): string {
  return `"${revision}-${updatedAt.getTime().toString(36)}"`;
}

/** @throws CharlaError `CHARLA_REQUEST_INVALID` for what is not the `next` of a page */
function nameOf(cursor: string): string {
  const name = cursorSchema.safeParse(cursor).success ? Buffer.from(cursor, 'base64url').toString() : '';
  if (!profileSchema.safeParse(name).success) throw cursorInvalid();
  return name;
}
