import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  customType,
  index,
  integer,
  json,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import type { Phone } from './phone.ts';

/*
 * Tables of Charla, the same on PostgreSQL and on PGlite. After a change, `npm run migration -- <what changed>` writes
 * the next file of `migrations/`.
 *
 * Documents are `json`, not `jsonb`: the order of their keys is what the agent reads aloud, and `jsonb` forgets it.
 */

/** Points in time, to the millisecond as JavaScript has them: what was read can be compared with what was written. */
const time = customType<{ data: Date; driverData: string | Date }>({
  dataType: () => 'timestamptz(3)',
  toDriver: (value) => value.toISOString(),
  fromDriver: (value) => new Date(value),
});

/** One conversation: who talks, where, and what is known about them. */
export const sessions = pgTable(
  'sessions',
  {
    id: text().primaryKey(),
    userId: text().notNull(),
    room: text().notNull(),
    profile: text().notNull(),
    channel: text().notNull(),
    language: text({ enum: ['es', 'en'] }).notNull(),
    /** Of a telephone call. */
    phone: json().$type<Phone>(),
    /** `created`: nobody has talked yet; `active`: a call runs; `ended`: it is over; `expired`: a time limit ended it. */
    status: text({ enum: ['created', 'active', 'ended', 'expired'] }).notNull(),
    dataTools: json().notNull(),
    /** Grows by one with each change of the data tools. */
    revision: integer().notNull(),
    createdAt: time().notNull(),
    /** Last time that the session was asked for, changed, or talked in. */
    lastActiveAt: time().notNull(),
    /** When the absolute limit ends it. */
    expiresAt: time().notNull(),
    endedAt: time(),
  },
  (table) => [
    // One open session a room.
    uniqueIndex('sessions_open_room').on(table.room).where(sql`${table.status} in ('created', 'active')`),
    index('sessions_by_age').on(table.createdAt, table.id),
    index('sessions_by_user').on(table.userId, table.createdAt),
    index('sessions_by_status').on(table.status, table.lastActiveAt),
    index('sessions_by_end').on(table.endedAt).where(sql`${table.endedAt} is not null`),
  ],
);

/** What the data tools of a session were before they were changed. */
export const dataToolVersions = pgTable(
  'data_tool_versions',
  {
    sessionId: text()
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    revision: integer().notNull(),
    dataTools: json().notNull(),
    /** When the next revision took its place. */
    replacedAt: time().notNull(),
  },
  (table) => [primaryKey({ columns: [table.sessionId, table.revision] })],
);

/** One call of a session: an agent in its room. */
export const calls = pgTable(
  'calls',
  {
    id: text().primaryKey(),
    sessionId: text()
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    startedAt: time().notNull(),
    endedAt: time(),
    /** Why it ended, as the framework says: `participant_disconnected`, `job_shutdown`, …; `lost` when nobody said. */
    outcome: text(),
    /** Of a call that we place: whom we ring, through which trunk, and how far it came. */
    dial: json().$type<{
      state: 'ringing' | 'answered' | 'busy' | 'no_answer' | 'failed' | 'canceled';
      to: string;
      caller_id: string | null;
      trunk: string;
      sip_status: number | null;
      sip_reason: string | null;
      answered_at: string | null;
      /** Until then whoever dials says how it ended; later anybody may look what became of it. */
      rings_until: string;
      /** SHA-256 of the request, to know it again. */
      request: string;
    }>(),
    /** Of the request that placed the call: the same one again gets the same call. */
    idempotencyKey: text(),
    /** Number of the last event of the call that is in here; those up to it are not taken twice. */
    lastEvent: integer().notNull(),
  },
  (table) => [
    index('calls_by_session').on(table.sessionId),
    index('calls_by_age').on(table.startedAt, table.id),
    uniqueIndex('calls_by_idempotency_key').on(table.idempotencyKey),
    index('calls_open').on(table.sessionId).where(sql`${table.endedAt} is null`),
  ],
);

/** What one side said without the other taking the turn. */
export const turns = pgTable(
  'turns',
  {
    callId: text()
      .notNull()
      .references(() => calls.id, { onDelete: 'cascade' }),
    /** Place in the call, from 1. */
    number: integer().notNull(),
    role: text({ enum: ['user', 'assistant'] }).notNull(),
    /** For the agent: as far as it was heard. */
    text: text().notNull(),
    at: time().notNull(),
    interrupted: boolean().notNull(),
    /** Sound of the turn that had been heard when it was interrupted, ms. */
    interruptedAtMs: integer(),
    /** Stages of the turn, ms, as the HTTP API shows them: `stt_ms`, `end_of_turn_ms`, `llm_first_token_ms`, … */
    latencies: json().notNull(),
    /** Tools that the model called for this turn: `[{name, ok, ms}]`. */
    tools: json().notNull(),
  },
  (table) => [primaryKey({ columns: [table.callId, table.number] })],
);

/** What a call took of each model. */
export const usage = pgTable(
  'usage',
  {
    callId: text()
      .notNull()
      .references(() => calls.id, { onDelete: 'cascade' }),
    kind: text({ enum: ['stt', 'llm', 'tts'] }).notNull(),
    model: text().notNull(),
    requests: integer().notNull(),
    inputTokens: integer().notNull(),
    outputTokens: integer().notNull(),
    characters: integer().notNull(),
    audioMs: bigint({ mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.callId, table.kind, table.model] })],
);

/** Sound of calls, in files. */
export const recordings = pgTable(
  'recordings',
  {
    id: text().primaryKey(),
    callId: text()
      .notNull()
      .references(() => calls.id, { onDelete: 'cascade' }),
    /** `disk`: the file is under CHARLA_HOME; `s3`: it is an object of the bucket. */
    storage: text({ enum: ['disk', 's3'] })
      .notNull()
      .default('disk'),
    file: text().notNull(),
    format: text({ enum: ['ogg', 'wav'] })
      .notNull()
      .default('wav'),
    bytes: bigint({ mode: 'number' }).notNull(),
    durationMs: bigint({ mode: 'number' }).notNull(),
    createdAt: time().notNull(),
  },
  (table) => [index('recordings_by_call').on(table.callId)],
);

/** How the agent is for the sessions that name the profile. */
export const profiles = pgTable('profiles', {
  name: text().primaryKey(),
  settings: json().notNull(),
  revision: integer().notNull(),
  updatedAt: time().notNull(),
});

/** Webhooks that have not been delivered yet: one row for each receiver. */
export const webhookOutbox = pgTable(
  'webhook_outbox',
  {
    /** Goes with each attempt, for receivers to know it by; the same for each of them. */
    id: text().notNull(),
    /** The receiver. */
    url: text().notNull(),
    type: text().notNull(),
    /** Whose session it tells of: deleted with it. */
    sessionId: text()
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    payload: json().notNull(),
    createdAt: time().notNull(),
    attempts: integer().notNull(),
    /** Not before; while an attempt runs, when somebody else may take it to have failed. */
    nextAttemptAt: time().notNull(),
    lastError: text(),
    /** When it was given up: it is tried no more. */
    givenUpAt: time(),
  },
  (table) => [
    primaryKey({ columns: [table.id, table.url] }),
    index('webhook_outbox_by_session').on(table.sessionId),
    index('webhook_outbox_due').on(table.url, table.nextAttemptAt).where(sql`${table.givenUpAt} is null`),
  ],
);
