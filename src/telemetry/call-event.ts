import { z } from 'zod';
import { timeText } from '../config/time-text.ts';

/** Most events in one request; a job that has more sends them one request after another. */
export const MOST_EVENTS_AT_ONCE = 100;
/** Longest text of a turn that is kept, characters: half an hour of speech. */
export const MOST_TURN_CHARACTERS = 32_000;
/** Most tools of a turn that are kept. */
export const MOST_TOOLS = 100;

/** A session in the examples of the API document. */
export const EXAMPLE_SESSION_ID = '5f1c9d1e-7c53-4c3f-9f39-0a3f5c1f6a10';

/**
 * The outcomes after which a conversation is over: the agent closes the room. After any other one, somebody may still be
 * in it, and another agent comes.
 */
export const FINAL_OUTCOMES: ReadonlySet<string> = new Set([
  // The person left.
  'participant_disconnected',
  'agent_hung_up',
  // Nobody said anything any more.
  'silence',
  'time_limit',
  'voicemail',
  'transferred',
]);

/** PostgreSQL has no NUL in a text. */
const name = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\0]*$/, 'has a NUL');
/** One that fits PostgreSQL's `integer`. */
const count = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);
const event = {
  number: count.min(1).describe('Its place in the call, from 1, without a gap.'),
  at: timeText().describe('When it happened.'),
};

const stagesSchema = z
  .object({
    stt_ms: count.describe("End of the caller's speech to its text."),
    end_of_turn_ms: count.describe("End of the caller's speech to the decision that the turn is over."),
    llm_first_token_ms: count.describe("Request to the model's first token."),
    tts_first_audio_ms: count.describe('First text at the voice to its first sound.'),
    voice_to_voice_ms: count.describe("End of the caller's speech to the first sound of the answer."),
    barge_in_ms: count.describe("The caller's first sound over the answer to the agent's silence."),
  })
  .partial()
  .describe('Where the time of the turn went; a stage that was not measured is absent.');

const toolCallSchema = z.object({
  name: name(128),
  ok: z.boolean(),
  ms: count.describe('From the call to its result.'),
});

export const modelUsageSchema = z.object({
  kind: z.enum(['stt', 'llm', 'tts']),
  model: name(256),
  requests: count,
  input_tokens: count,
  output_tokens: count,
  characters: count.describe('Given to a voice.'),
  audio_ms: count.describe('Sound that was transcribed, or made.'),
});

/** What one side said without the other taking the turn. */
export const turnSchema = z.object({
  role: z.enum(['user', 'assistant']),
  text: z
    .string()
    .max(MOST_TURN_CHARACTERS)
    .regex(/^[^\0]*$/, 'has a NUL')
    .describe('Of the agent: as far as it was heard.'),
  interrupted: z.boolean(),
  interrupted_at_ms: count
    .optional()
    .describe('Sound of the turn that had been heard when it was interrupted.'),
  latencies: stagesSchema,
  tools: z.array(toolCallSchema).max(MOST_TOOLS).describe('What the model called for this turn.'),
});

/** What a job tells of its call, numbered, so that nothing is missed or counted twice. */
export const callEventSchema = z.discriminatedUnion('type', [
  z.object({ ...event, type: z.literal('call.started'), session_id: name(128) }),
  z.object({ ...event, type: z.literal('turn'), ...turnSchema.shape }),
  z.object({
    ...event,
    type: z.literal('call.ended'),
    outcome: z
      .string()
      .regex(/^\w{1,64}$/)
      .describe(
        'Why: `participant_disconnected` (the caller hung up), `agent_hung_up`, `transferred`, `silence`, `time_limit`, ' +
          '`voicemail`, `user_initiated`, `error`, …',
      ),
    usage: z.array(modelUsageSchema).max(100),
  }),
]);

export const callEventsSchema = z
  .object({ events: z.array(callEventSchema).min(1).max(MOST_EVENTS_AT_ONCE) })
  .meta({
    id: 'CallEvents',
    examples: [
      {
        events: [
          {
            number: 1,
            at: '2026-01-01T12:00:02.000Z',
            type: 'call.started',
            session_id: EXAMPLE_SESSION_ID,
          },
          {
            number: 2,
            at: '2026-01-01T12:00:05.000Z',
            type: 'turn',
            role: 'user',
            text: '¿Qué tengo en el carrito?',
            interrupted: false,
            latencies: { stt_ms: 180, end_of_turn_ms: 420 },
            tools: [],
          },
        ],
      },
    ],
  });

export type CallEvent = z.output<typeof callEventSchema>;
export type Stages = z.output<typeof stagesSchema>;
export type ToolCall = z.output<typeof toolCallSchema>;
export type ModelUsage = z.output<typeof modelUsageSchema>;

/** An event that has no number yet. */
export type NewCallEvent = CallEvent extends infer One
  ? One extends CallEvent
    ? Omit<One, 'number'>
    : never
  : never;
