import { SCOPES, type Scope } from '../config/api-keys.ts';

/**
 * Who may call a route: servers with a key of that scope, agents in calls, the person in a call with the token of the
 * session, users with a token of the integrator's, or everybody. A key with the scope `admin` may call everything.
 */
export type Role = Exclude<Scope, 'admin'> | 'agent' | 'participant' | 'user' | 'anyone';

/** People's own clients: what they call, they call about themselves. */
export const PEOPLE = ['participant', 'user'] as const satisfies readonly Role[];

/**
 * Every route and who may call it; `[]` is for admins alone. What is not here is for admins alone too. That a person
 * touches only what is theirs, the routes and `own-requests.ts` see to. docs/security.md shows this table.
 */
export const PERMISSIONS: Readonly<Record<string, readonly Role[]>> = {
  'POST /session/start': ['sessions', 'user'],
  'POST /token': ['sessions', 'user'],
  'POST /get-user-data': ['sessions'],
  'GET /session/:id/data-tools': ['sessions', 'agent', 'participant', 'user'],
  'PUT /session/:id/data-tools': ['sessions', 'agent', 'participant', 'user'],
  'PATCH /session/:id/data-tools': ['sessions', 'agent', 'participant', 'user'],
  'GET /session/:id/data-tools/versions': ['sessions'],
  'GET /session/:id/data-tools/versions/:revision': ['sessions'],
  'POST /session/:id/data-tools/refresh': ['sessions'],
  'GET /sessions': ['history'],
  'GET /sessions/:id': ['history'],
  'POST /sessions/:id/end': ['sessions'],
  'DELETE /sessions/:id': [],
  'GET /calls': ['history'],
  'GET /calls/:id': ['history'],
  'POST /calls': [],
  'POST /calls/sip': ['agent'],
  'POST /calls/audiosocket/:id': ['sessions'],
  'POST /calls/:id/events': ['agent'],
  'PUT /calls/:id/recordings/:recording': ['agent'],
  'GET /calls/:id/recordings/:recording': ['history'],
  'DELETE /calls/:id/recordings/:recording': [],
  'GET /profiles': [],
  'GET /profiles/:name': ['agent'],
  'PUT /profiles/:name': [],
  'DELETE /profiles/:name': [],
  // Of carriers: the routes check who signed, and the token of a stream.
  'POST /api/v1/twilio/incoming-call': ['anyone'],
  'POST /api/v1/twilio/status': ['anyone'],
  'GET /api/v1/twilio/media-stream': ['anyone'],
  'POST /api/v1/telnyx/call-control': ['anyone'],
  'GET /api/v1/telnyx/media-stream': ['anyone'],
  'GET /metrics': ['metrics'],
  'GET /health': ['anyone'],
  'GET /settings': ['anyone'],
  'GET /openapi.json': ['anyone'],
  'GET /docs/*': ['anyone'],
  'GET /*': ['anyone'],
};

/** Who may call a route. */
export function permissionOf(method: string, url: string): readonly Role[] {
  return PERMISSIONS[entryOf(method, url)] ?? [];
}

/** The entry of a route in {@link PERMISSIONS}: a `HEAD` has that of its `GET`, and all files of `/docs` have one. */
export function entryOf(method: string, url: string): string {
  const isDocs = url === '/docs' || url.startsWith('/docs/');
  return `${method === 'HEAD' ? 'GET' : method} ${isDocs ? '/docs/*' : url}`;
}

const HOW: Readonly<Record<Exclude<Role, Scope | 'anyone'>, string>> = {
  agent: "an agent's token",
  participant: 'the token of this session',
  user: 'a token of yours for this user',
};

/** What a caller has to send, as part of a sentence. */
export function howToCall(allowed: readonly Role[]): string {
  const scopes = SCOPES.filter((scope) => scope === 'admin' || allowed.some((role) => role === scope));
  const tokens = allowed.flatMap((role) => (role in HOW ? [HOW[role as keyof typeof HOW]] : []));
  const key = `a key with the scope ${scopes.join(' or ')} in the header X-API-Key`;
  return tokens.length === 0 ? key : `${key}, or ${tokens.join(' or ')} as Authorization: Bearer`;
}
