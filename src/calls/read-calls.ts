import { asc, eq } from 'drizzle-orm';
import { calls, sessions, turns, usage } from '../store/schema.ts';
import type { Database } from '../store/store.ts';
import type { ModelUsage, Stages, ToolCall } from '../telemetry/call-event.ts';
import type { Call, CallHistory, Turn } from './call.ts';
import { dialOf } from './dial.ts';

/** Calls with what they have of their sessions. */
export function selectCalls(db: Database) {
  return db
    .select({
      id: calls.id,
      sessionId: calls.sessionId,
      userId: sessions.userId,
      profile: sessions.profile,
      channel: sessions.channel,
      language: sessions.language,
      phone: sessions.phone,
      startedAt: calls.startedAt,
      endedAt: calls.endedAt,
      outcome: calls.outcome,
      dial: calls.dial,
    })
    .from(calls)
    .innerJoin(sessions, eq(calls.sessionId, sessions.id))
    .$dynamic();
}

/** @returns undefined when there is no such call */
export async function readCall(db: Database, id: string): Promise<Call | undefined> {
  const [row] = await selectCalls(db).where(eq(calls.id, id));
  return row && asCall(row);
}

/** A call with its turns and what it took. @returns undefined when there is no such call */
export async function readHistory(db: Database, id: string): Promise<CallHistory | undefined> {
  const call = await readCall(db, id);
  if (call === undefined) return undefined;
  const said = await db.select().from(turns).where(eq(turns.callId, id)).orderBy(asc(turns.number));
  const used = await db
    .select()
    .from(usage)
    .where(eq(usage.callId, id))
    .orderBy(asc(usage.kind), asc(usage.model));
  return { ...call, turns: said.map(asTurn), usage: used.map(asUsage) };
}

/** A row of {@link selectCalls} as others see it. */
export function asCall({ dial, ...row }: Awaited<ReturnType<typeof selectCalls>>[number]): Call {
  return { ...row, dial: dialOf(dial) };
}

/** Latencies and tools were checked when they were written. */
function asTurn({ callId: _callId, latencies, tools, ...turn }: typeof turns.$inferSelect): Turn {
  return { ...turn, latencies: latencies as Stages, tools: tools as ToolCall[] };
}

function asUsage(row: typeof usage.$inferSelect): ModelUsage {
  const { kind, model, requests, inputTokens, outputTokens, characters, audioMs } = row;
  return {
    kind,
    model,
    requests,
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    characters,
    audio_ms: audioMs,
  };
}
