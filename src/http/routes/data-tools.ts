import type { FastifyReply, FastifySchemaCompiler } from 'fastify';
import { type FastifyPluginAsyncZod, validatorCompiler } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PRIVATE_KEY, withoutPrivate } from '../../config/private-key.ts';
import { CharlaError } from '../../errors.ts';
import { type DataTools, mergeDataTools, parseDataTools } from '../../sessions/data-tools.ts';
import type { SessionRole } from '../access.ts';
import type { HttpContext } from '../context.ts';
import { dataToolsEtag, expectedRevisions, isNamedBy } from '../etag.ts';
import { checkOwnChange } from '../own-requests.ts';
import { pageOf } from '../paging.ts';
import { dataToolsSchema, idSchema, LIVEKIT_PROBLEMS, STORE_PROBLEMS } from '../schemas.ts';

const paramsSchema = z.object({ id: idSchema });
const versionParamsSchema = paramsSchema.extend({
  revision: z.coerce
    .number()
    .int()
    .min(1)
    .max(2 ** 31 - 1),
});
// Loose: the other headers are for others.
const readHeadersSchema = z.looseObject({ 'if-none-match': z.string().optional() });
const changeHeadersSchema = z.looseObject({ 'if-match': z.string().optional() });
const versionSchema = z
  .object({
    revision: z.int(),
    replaced_at: z.iso.datetime().describe('When the next revision took its place.'),
  })
  .meta({ examples: [{ revision: 1, replaced_at: '2026-01-01T12:00:00.000Z' }] });
const path = '/session/:id/data-tools';
const ETAG_HEADER = { ETag: 'Of this revision, for If-Match and If-None-Match.' };

/**
 * Headers are strings already; their schema is for the API document. With a value of their own in the answer, Fastify would
 * put the headers together anew whenever they are read.
 */
const validateButHeaders: FastifySchemaCompiler<unknown> = ({ schema, ...part }) =>
  part.httpPart === 'headers' || !(schema instanceof z.ZodType)
    ? () => true
    : validatorCompiler({ ...part, schema });

/** `/session/{id}/data-tools`: what is known about who talks, now and before. */
export const dataToolsRoutes: FastifyPluginAsyncZod<{ context: HttpContext }> = async (app, { context }) => {
  const { config, access, conversations, sessions } = context;

  app.route({
    method: 'GET',
    url: path,
    validatorCompiler: validateButHeaders,
    schema: {
      tags: ['data tools'],
      summary: 'Read the data tools of a session',
      description:
        'The person in the call sees them without `private`. With `If-None-Match`, 304 when they are the same.',
      problems: ['CHARLA_SESSION_NOT_FOUND', ...STORE_PROBLEMS],
      params: paramsSchema,
      headers: readHeadersSchema,
      response: { 200: dataToolsSchema, 304: z.undefined().describe('They are the same.') },
      responseHeaders: { 200: ETAG_HEADER },
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      // An agent asks because it has just heard of a change: from the store, in which that is.
      const mayBeCached = request.headers.authorization === undefined;
      const session = await (mayBeCached ? sessions.getCached(id) : sessions.get(id));
      const role = await access.requireSession(request, session);
      if (session === undefined) throw new CharlaError('CHARLA_SESSION_NOT_FOUND', { id });
      // Not waited for, and what fails now is noted with the next read.
      sessions.touch(id).catch(() => undefined);
      reply
        .header('etag', dataToolsEtag(session.revision, role))
        .header('cache-control', 'private, no-cache');
      if (isNamedBy(request.headers['if-none-match'], dataToolsEtag(session.revision, role))) {
        return reply.code(304).send();
      }
      return sendJson(reply, jsonOf(session.dataTools, role));
    },
  });

  app.route({
    method: ['PUT', 'PATCH'],
    url: path,
    config: { bodyIsDataTools: true },
    validatorCompiler: validateButHeaders,
    schema: {
      tags: ['data tools'],
      summary: 'Change the data tools of a session',
      description:
        '`PUT` replaces them; `PATCH` is a JSON Merge Patch (RFC 7396). With `If-Match`, only if they are still of that ETag.',
      problems: [
        'CHARLA_SESSION_NOT_FOUND',
        'CHARLA_SESSION_ENDED',
        'CHARLA_SESSION_CHANGED',
        'CHARLA_DATA_TOOLS_INVALID',
        'CHARLA_DATA_TOOLS_TOO_LARGE',
        ...LIVEKIT_PROBLEMS,
        ...STORE_PROBLEMS,
      ],
      params: paramsSchema,
      headers: changeHeadersSchema,
      consumes: ['application/json', 'application/merge-patch+json'],
      body: dataToolsSchema,
      response: { 200: dataToolsSchema },
      responseHeaders: { 200: ETAG_HEADER },
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      const role = await access.requireSession(request, await sessions.getCached(id));
      if (role === 'participant') checkOwnChange(config, request.body);
      const change = (current: DataTools) => {
        const next =
          request.method === 'PUT' ? parseDataTools(request.body) : mergeDataTools(current, request.body);
        return role === 'server' ? next : withPrivateOf(current, next);
      };
      const expected = expectedRevisions(request.headers['if-match'], role);
      const isAgent = (await access.callerOf(request)).kind === 'agent';
      const by = isAgent ? 'agent' : role;
      const { dataTools, revision } = await conversations.changeDataTools(id, change, expected, by);
      reply.header('etag', dataToolsEtag(revision, role));
      return sendJson(reply, jsonOf(dataTools, role));
    },
  });

  app.route({
    method: 'GET',
    url: `${path}/versions`,
    schema: {
      tags: ['data tools'],
      summary: 'List earlier revisions of the data tools, newest first',
      description:
        'The last 50 before the one that is there now, on one page. For servers: they may show what was private.',
      problems: ['CHARLA_SESSION_NOT_FOUND', ...STORE_PROBLEMS],
      params: paramsSchema,
      response: { 200: pageOf(versionSchema).meta({ id: 'DataToolsVersions' }) },
    },
    handler: async ({ params: { id } }) => {
      if ((await sessions.get(id)) === undefined) throw new CharlaError('CHARLA_SESSION_NOT_FOUND', { id });
      const versions = await sessions.listVersions(id);
      const items = versions.map(({ revision, replacedAt }) => ({
        revision,
        replaced_at: replacedAt.toISOString(),
      }));
      return { items, next: null };
    },
  });

  app.route({
    method: 'GET',
    url: `${path}/versions/:revision`,
    schema: {
      tags: ['data tools'],
      summary: 'Read the data tools as they were',
      problems: ['CHARLA_SESSION_NOT_FOUND', 'CHARLA_REVISION_NOT_FOUND', ...STORE_PROBLEMS],
      params: versionParamsSchema,
      response: { 200: dataToolsSchema },
      responseHeaders: { 200: ETAG_HEADER },
    },
    handler: async ({ params: { id, revision } }, reply) => {
      const session = await sessions.get(id);
      if (session === undefined) throw new CharlaError('CHARLA_SESSION_NOT_FOUND', { id });
      const dataTools =
        revision === session.revision ? session.dataTools : await sessions.getVersion(id, revision);
      if (dataTools === undefined) throw new CharlaError('CHARLA_REVISION_NOT_FOUND', { id, revision });
      reply.header('etag', dataToolsEtag(revision, 'server'));
      return sendJson(reply, JSON.stringify(dataTools));
    },
  });
};

/** Made once for each revision: those in memory are asked for again and again. */
const jsonByRole = {
  server: new WeakMap<DataTools, string>(),
  participant: new WeakMap<DataTools, string>(),
};

/** The JSON of data tools as somebody may see them. */
function jsonOf(dataTools: DataTools, role: SessionRole): string {
  const known = jsonByRole[role].get(dataTools);
  if (known !== undefined) return known;
  const json = JSON.stringify(role === 'server' ? dataTools : withoutPrivate(dataTools));
  jsonByRole[role].set(dataTools, json);
  return json;
}

/** Checked when it was written: not once more on the way out. */
function sendJson(reply: Pick<FastifyReply, 'type' | 'send'>, json: string) {
  return reply.type('application/json; charset=utf-8').send(json);
}

/** A change by the person in the call leaves alone what they cannot see. */
function withPrivateOf(current: DataTools, next: DataTools): DataTools {
  const hidden = current[PRIVATE_KEY];
  return hidden === undefined ? next : parseDataTools({ ...next, [PRIVATE_KEY]: hidden });
}
