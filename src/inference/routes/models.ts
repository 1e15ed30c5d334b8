import type { FastifyInstance } from 'fastify';
import { CharlaError } from '../../errors.ts';
import type { LocalModels } from '../local-models.ts';

/** `GET /v1/models` and `GET /v1/models/{id}`: the models that are loaded or being loaded. */
export function modelRoutes(server: FastifyInstance, models: LocalModels): void {
  const started = Math.floor(Date.now() / 1000);
  const describe = (id: string) => ({ id, object: 'model', created: started, owned_by: 'charla' });

  server.get('/v1/models', async () => ({ object: 'list', data: [...models.status().keys()].map(describe) }));

  server.get<{ Params: { id: string } }>('/v1/models/:id', async ({ params: { id } }) => {
    if (!models.status().has(id)) throw new CharlaError('CHARLA_MODEL_UNKNOWN', { id, param: 'model' });
    return describe(id);
  });
}
