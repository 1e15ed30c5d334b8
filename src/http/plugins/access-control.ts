import type { FastifyInstance, onRequestHookHandler, preHandlerAsyncHookHandler } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { Config } from '../../config/config.ts';
import type { Access } from '../access.ts';
import { checkOwnRequest } from '../own-requests.ts';
import { permissionOf } from '../permissions.ts';

/**
 * Closes every route that is registered after it to those whom `permissions.ts` does not name, before the body is read,
 * and checks what users' own clients ask for.
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
        checkOwnRequest(config, caller, request.body);
      };
      const saysWhose =
        route.config?.bodyIsDataTools !== true &&
        methods.some(
          (method) => method !== 'GET' && method !== 'HEAD' && roles.get(method)?.includes('user'),
        );
      route.onRequest = [guard, ...[route.onRequest ?? []].flat()];
      if (saysWhose) route.preHandler = [own, ...[route.preHandler ?? []].flat()];
    });
  },
);
