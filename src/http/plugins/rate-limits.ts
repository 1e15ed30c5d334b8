import rateLimit, { normalizeIP } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { Redis } from 'ioredis';
import type { Config } from '../../config/config.ts';
import { isOpenDevelopment } from '../../config/development.ts';
import { CharlaError } from '../../errors.ts';
import type { Access } from '../access.ts';
import { isForCarrier, strangersAddress } from '../carrier-requests.ts';

/** A key stands for all the people of a server. */
const KEY_FACTOR = 20;
/** A signature that is missing or wrong. */
const FORBIDDEN = 403;
const MINUTE_MS = 60_000;
/** Addresses that one process remembers, when it counts by itself. */
const MOST_ADDRESSES = 10_000;
/** What signs tokens, and opens rooms for them. */
const MINTING = new Set(['POST /session/start', 'POST /token']);
/** What machines ask for regularly. */
const UNLIMITED = new Set(['GET /health', 'HEAD /health']);

const REDIS_CONNECT_MS = 1_000;
/** A request waits this long for Redis; then this process counts by itself. */
const REDIS_ANSWER_MS = 200;
const REDIS_RETRY_MS = 5_000;

type Limit = ReturnType<FastifyInstance['createRateLimit']>;
interface Limits {
  general: Limit;
  minting: Limit;
  /** Requests to routes of carriers that no carrier signed. */
  strangers: Limit;
}

/**
 * Limits the requests of each key, and of each address that shows none, within a minute; those that sign tokens more
 * tightly. Agents and `/health` have no limit, nor has development without keys, nor have carriers; who sends what no carrier
 * signed has one. With REDIS_URL several processes count together; while Redis is away each counts by itself.
 */
export const rateLimits = fastifyPlugin(
  async (app: FastifyInstance, { config, access }: { config: Config; access: Access }) => {
    if (isOpenDevelopment(config)) return;
    const { RATE_LIMIT_PER_MINUTE: general, TOKEN_RATE_LIMIT_PER_MINUTE: minting, REDIS_URL: url } = config;
    const redis = url === undefined ? undefined : connect(app, url);
    const perMinute = { general, minting, strangers: general };
    const here = await createLimits(app, access, perMinute);
    const shared = redis && (await createLimits(app, access, perMinute, redis));

    const count = async (kind: keyof Limits, request: FastifyRequest, options = { increment: true }) => {
      if (shared === undefined || redis?.status !== 'ready') return here[kind](request, options);
      try {
        return await shared[kind](request, options);
      } catch (error) {
        app.log.debug({ err: error }, 'Redis did not count a request');
        return here[kind](request, options);
      }
    };
    const check = async (kind: keyof Limits, request: FastifyRequest, options?: { increment: boolean }) => {
      if (perMinute[kind] === 0) return;
      const counted = await count(kind, request, options);
      if (counted.isAllowed || !counted.isExceeded) return;
      throw new CharlaError('CHARLA_RATE_LIMITED', {
        limit: counted.max,
        retryAfterSeconds: Math.max(1, counted.ttlInSeconds),
      });
    };
    const isStrangers = (request: FastifyRequest) =>
      isForCarrier(request) && strangersAddress(request, config) !== undefined;
    app.addHook('onRequest', async (request) => {
      const route = `${request.method} ${request.routeOptions.url}`;
      // What a carrier signed counts for nothing, and what nobody signed is counted once that is known.
      if (isStrangers(request)) await check('strangers', request, { increment: false });
      if (UNLIMITED.has(route) || isForCarrier(request) || (await access.isAgent(request))) return;
      if (MINTING.has(route)) await check('minting', request);
      await check('general', request);
    });
    app.addHook('onResponse', async (request, { statusCode }) => {
      if (statusCode === FORBIDDEN && isStrangers(request) && perMinute.strangers > 0)
        await count('strangers', request);
    });
  },
);

/** The counters, in Redis or in this process. */
async function createLimits(
  app: FastifyInstance,
  access: Access,
  perMinute: Record<keyof Limits, number>,
  redis?: Redis,
): Promise<Limits> {
  let limits: Limits | undefined;
  // In a context of its own, because a server has the plugin, and its store, once.
  await app.register(async (scope) => {
    await scope.register(rateLimit, {
      global: false,
      cache: MOST_ADDRESSES,
      timeWindow: MINUTE_MS,
      nameSpace: 'charla-rate-limit-',
      ...(redis && { redis }),
    });
    const create = (kind: keyof Limits) =>
      scope.createRateLimit({
        max: (request) => perMinute[kind] * (access.keyName(request) === undefined ? 1 : KEY_FACTOR),
        keyGenerator: (request) => {
          const key = access.keyName(request);
          return `${kind}-${key === undefined ? `address-${normalizeIP(request.ip)}` : `key-${key}`}`;
        },
      });
    limits = { general: create('general'), minting: create('minting'), strangers: create('strangers') };
  });
  if (limits === undefined) throw new Error('the plugin was not registered');
  return limits;
}

/** A connection that comes back by itself, and says so once each time. */
function connect(app: FastifyInstance, url: string): Redis {
  const redis = new Redis(url, {
    connectTimeout: REDIS_CONNECT_MS,
    commandTimeout: REDIS_ANSWER_MS,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: (times) => Math.min(100 * 2 ** times, REDIS_RETRY_MS),
  });
  let isAway = false;
  redis.on('error', (error) => {
    if (!isAway) app.log.warn({ err: error }, 'Redis is away: each process limits requests by itself');
    isAway = true;
  });
  redis.on('ready', () => {
    if (isAway) app.log.info('Redis is back: requests are counted together');
    isAway = false;
  });
  app.addHook('onClose', async () => redis.disconnect());
  return redis;
}
