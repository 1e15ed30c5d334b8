import type { FastifyInstance, onRequestHookHandler, preHandlerAsyncHookHandler } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { Config } from '../../config/config.ts';
import type { Access } from '../access.ts';
import { checkOwnRequest } from '../own-requests.ts';
import { PEOPLE, permissionOf } from '../permissions.ts';

/**
 * Closes every route that is registered after it to those whom `permissions.ts` does not name, before the body is read,
 * and checks what people's own clients ask for.
 */
export const accessControl = fastifyPlugin(
  async (app: FastifyInstance, { config, access }: { config: Config; access: Access }) => {
    app.addHook('onRoute', (route) => {
      const methods = [route.method].flat();
      const roles = new Map(methods.map((method) => [method, permissionOf(method, route.url)]));
      const guard: onRequestHookHandler = (request, _reply, done) => {
        const allowed = access.require(request, roles.get(request.method) ?? []);
        if (allowed instanceof Promise) allowed.then(() => done(), done);
        else done();
      };
      const own: preHandlerAsyncHookHandler = async (request) => {
        const caller = await access.callerOf(request);
        checkOwnRequest(config, caller, `${request.method} ${route.url}`, request.body);
      };
      const forPeople = methods.some(
        (method) =>
          method !== 'GET' && method !== 'HEAD' && PEOPLE.some((role) => roles.get(method)?.includes(role)),
      );
      route.onRequest = [guard, ...[route.onRequest ?? []].flat()];
      if (forPeople) route.preHandler = [own, ...[route.preHandler ?? []].flat()];
    });
  },
);
