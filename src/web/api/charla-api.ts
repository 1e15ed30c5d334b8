import * as z from 'zod/mini';
import type { Language } from '../i18n/messages.ts';
import type { DataTools } from '../state/data-tools.ts';

// The page's Content-Security-Policy allows no eval, which zod would otherwise try.
z.config({ jitless: true });

const settingsSchema = z.object({
  project_name: z.catch(z.string(), 'Charla'),
  llm_model: z.catch(z.string(), ''),
  language: z.catch(z.enum(['es', 'en']), 'es'),
  auto_connect: z.catch(z.boolean(), true),
  enable_tools: z.catch(z.boolean(), true),
  frontend_theme: z.catch(z.enum(['modern', 'minimal', 'dark']), 'modern'),
});

const sessionSchema = z.object({
  session_id: z.string(),
  room: z.string(),
  identity: z.string(),
  url: z.string(),
  token: z.string(),
});

const userDataSchema = z.object({ data_tools: z.record(z.string(), z.unknown()) });
const problemSchema = z.object({ code: z.optional(z.string()), detail: z.string() });

/** `GET /settings`: what the server wants the page to be. */
export type Settings = z.output<typeof settingsSchema>;
/** `POST /session/start`: where the call takes place and the token that opens its room. */
export type Session = z.output<typeof sessionSchema>;
export type Theme = Settings['frontend_theme'];

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

/**
 * The HTTP API as the page uses it.
 *
 * @param baseUrl - empty for the server that the page came from
 * @param timeoutMs - a request without an answer fails after this long
 * @throws RequestError from every method
 */
export function createCharlaApi(baseUrl = '', timeoutMs = 20_000): CharlaApi {
  const request = async (method: string, path: string, body?: object, init: RequestInit = {}) => {
    const deadline = AbortSignal.timeout(timeoutMs);
    const response = await fetch(`${baseUrl}${path}`, {
      ...init,
      method,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...init.headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: init.signal ? AbortSignal.any([init.signal, deadline]) : deadline,
    }).catch((cause: unknown) => {
      throw new RequestError({ kind: 'network' }, 0, { cause });
    });
    const answer: unknown = await response.json().catch(() => undefined);
    if (response.ok) return { answer, status: response.status };
    const problem = problemSchema.safeParse(answer);
    const retryAfterMs = retryAfter(response.headers.get('retry-after'));
    throw new RequestError(
      problem.success ? { kind: 'server', ...problem.data } : { kind: 'answer', status: response.status },
      response.status,
      retryAfterMs === undefined ? {} : { retryAfterMs },
    );
  };

  return {
    async settings() {
      const { answer, status } = await request('GET', '/settings');
      return parse(settingsSchema, answer, status);
    },
    async startSession({ userId, language, dataTools }, signal) {
      const body = { user_id: userId, language, ...(dataTools && { data_tools: dataTools }) };
      const { answer, status } = await request('POST', '/session/start', body, signal ? { signal } : {});
      return parse(sessionSchema, answer, status);
    },
    async userData(userId) {
      const { answer, status } = await request('POST', '/get-user-data', { user_id: userId });
      return parse(userDataSchema, answer, status).data_tools;
    },
    async replaceDataTools(session, dataTools) {
      await request('PUT', `/session/${encodeURIComponent(session.session_id)}/data-tools`, dataTools, {
        headers: { authorization: `Bearer ${session.token}` },
      });
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
