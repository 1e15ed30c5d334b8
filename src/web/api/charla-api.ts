import createClient from 'openapi-fetch';
import * as z from 'zod/mini';
import type { Language } from '../i18n/messages.ts';
import type { DataTools } from '../state/data-tools.ts';
import type { components, paths } from './http-api.generated.d.ts';

// The page's Content-Security-Policy allows no eval, which zod would otherwise try.
z.config({ jitless: true });

type Schemas = components['schemas'];

/** `GET /settings`: what the server wants the page to be. */
export type Settings = Schemas['Settings'];
/** `POST /session/start`: where the call takes place and the token that opens its room. */
export type Session = Pick<Schemas['JoinDetails'], 'session_id' | 'room' | 'identity' | 'url' | 'token'>;
export type Theme = Settings['frontend_theme'];

const settingsSchema: z.ZodMiniType<Settings> = z.object({
  project_name: z.catch(z.string(), 'Charla'),
  llm_model: z.catch(z.string(), ''),
  language: z.catch(z.enum(['es', 'en']), 'es'),
  auto_connect: z.catch(z.boolean(), true),
  enable_tools: z.catch(z.boolean(), true),
  frontend_theme: z.catch(z.enum(['modern', 'minimal', 'dark']), 'modern'),
});

const sessionSchema: z.ZodMiniType<Session> = z.object({
  session_id: z.string(),
  room: z.string(),
  identity: z.string(),
  url: z.string(),
  token: z.string(),
});

const userDataSchema = z.object({ data_tools: z.record(z.string(), z.unknown()) });
const problemSchema = z.object({ code: z.optional(z.string()), detail: z.string() });

/** What the page is when the server does not say. */
export const DEFAULT_SETTINGS: Settings = settingsSchema.parse({});

/** Why a request failed: the code and the sentence of the server, no answer at all, or one that makes no sense. */
export type RequestProblem =
  | { kind: 'server'; code?: string | undefined; detail: string }
  | { kind: 'network' }
  | { kind: 'answer'; status: number };

/** A failed request. `retryAfterMs` is set where the server said when to come back. */
export class RequestError extends Error {
  readonly problem: RequestProblem;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly retryAfterMs: number | undefined;

  constructor(problem: RequestProblem, status: number, options: { retryAfterMs?: number; cause?: unknown }) {
    super(problem.kind === 'server' ? problem.detail : problem.kind, { cause: options.cause });
    this.name = 'RequestError';
    this.problem = problem;
    this.status = status;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** Whether the same request may work later: no answer, too many requests, or a server in trouble. */
  get isTransient(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export interface StartRequest {
  userId: string;
  language: Language;
  dataTools?: DataTools | undefined;
}

export interface CharlaApi {
  settings(): Promise<Settings>;
  startSession(request: StartRequest, signal?: AbortSignal): Promise<Session>;
  /** What the server's user lookup knows about a user. */
  userData(userId: string): Promise<DataTools>;
  replaceDataTools(session: Session, dataTools: DataTools): Promise<void>;
}

type RequestOptions = { signal: AbortSignal; fetch: (request: Request) => Promise<Response> };

/**
 * The HTTP API as the page uses it, typed by the server's own OpenAPI document (`test/http/openapi.test.ts` writes the
 * types).
 *
 * @param baseUrl - empty for the server that the page came from
 * @param timeoutMs - a request without an answer fails after this long
 * @param userToken - the integrator's word on who the user is, where the server asks for it
 * @throws RequestError from every method
 */
export function createCharlaApi(baseUrl = '', timeoutMs = 20_000, userToken?: string): CharlaApi {
  const client = createClient<paths>({
    baseUrl: baseUrl === '' ? window.location.origin : baseUrl,
    headers: {
      accept: 'application/json',
      ...(userToken !== undefined && { authorization: `Bearer ${userToken}` }),
    },
  });

  /** Sends a request, once, with a time limit; what fails becomes a {@link RequestError}. */
  const ask = async (
    send: (options: RequestOptions) => Promise<{ data?: unknown; error?: unknown }>,
    signal?: AbortSignal,
  ) => {
    const deadline = AbortSignal.timeout(timeoutMs);
    let response = Response.error();
    const fetchOnce = async (request: Request) => {
      response = await fetch(request).catch((cause: unknown) => {
        throw new RequestError({ kind: 'network' }, 0, { cause });
      });
      return response;
    };
    const { data, error } = await send({
      fetch: fetchOnce,
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    }).catch((cause: unknown) => {
      if (cause instanceof RequestError) throw cause;
      // It broke off, or is not JSON.
      throw new RequestError({ kind: 'answer', status: response.status }, response.status, { cause });
    });
    const { status, ok, headers } = response;
    if (ok) return { answer: data, status };
    const problem = problemSchema.safeParse(error);
    const retryAfterMs = retryAfter(headers.get('retry-after'));
    throw new RequestError(
      problem.success ? { kind: 'server', ...problem.data } : { kind: 'answer', status },
      status,
      retryAfterMs === undefined ? {} : { retryAfterMs },
    );
  };

  return {
    async settings() {
      const { answer, status } = await ask((options) => client.GET('/settings', options));
      return parse(settingsSchema, answer, status);
    },
    async startSession({ userId, language, dataTools }, signal) {
      const body = { user_id: userId, language, ...(dataTools && { data_tools: dataTools }) };
      const { answer, status } = await ask(
        (options) => client.POST('/session/start', { ...options, body }),
        signal,
      );
      return parse(sessionSchema, answer, status);
    },
    async userData(userId) {
      const body = { user_id: userId };
      const { answer, status } = await ask((options) => client.POST('/get-user-data', { ...options, body }));
      return parse(userDataSchema, answer, status).data_tools;
    },
    async replaceDataTools(session, dataTools) {
      await ask((options) =>
        client.PUT('/session/{id}/data-tools', {
          ...options,
          params: { path: { id: session.session_id } },
          headers: { authorization: `Bearer ${session.token}` },
          body: dataTools,
        }),
      );
    },
  };
}

function parse<T extends z.ZodMiniType>(schema: T, answer: unknown, status: number): z.output<T> {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new RequestError({ kind: 'answer', status }, status, { cause: parsed.error });
}

/** RFC 9110: seconds, or a date. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) && ms >= 0 ? ms : undefined;
}
