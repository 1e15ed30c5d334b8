/** From a cache hit to the longest wait that a caller sits out, s. */
const LATENCY_BUCKETS = [0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1, 1.25, 1.5, 2, 2.5, 3.5, 5, 8];
/** Around the 200 ms after which an agent talks over its caller, s. */
const BARGE_IN_BUCKETS = [0.05, 0.075, 0.1, 0.125, 0.15, 0.175, 0.2, 0.225, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 2];

const LANGUAGES = ['es', 'en'] as const;
/** The ways into a room that there are (`src/channels/`, and the browser). */
const CHANNELS = ['browser', 'websocket', 'twilio', 'telnyx', 'audiosocket', 'sip', 'other'] as const;

/**
 * What is counted and timed in calls, by its name in Prometheus, and the values that each label may have: a language, a
 * channel, an outcome; never a session, a person or anybody's words.
 */
export const CALL_METRICS = {
  calls_total: {
    type: 'counter',
    help: 'Calls that the agent began.',
    labels: { language: LANGUAGES, channel: CHANNELS },
  },
  stt_latency_seconds: {
    type: 'histogram',
    help: 'Speech to text: from sending an utterance to its text.',
    labels: { language: LANGUAGES },
    buckets: LATENCY_BUCKETS,
  },
  llm_latency_seconds: {
    type: 'histogram',
    help: "Language model: from the request to its answer's first token.",
    labels: { language: LANGUAGES },
    buckets: LATENCY_BUCKETS,
  },
  tts_latency_seconds: {
    type: 'histogram',
    help: 'Text to speech: from the first text at the voice to its first sound, cached phrases included.',
    labels: { language: LANGUAGES },
    buckets: LATENCY_BUCKETS,
  },
  end_of_turn_seconds: {
    type: 'histogram',
    help: "From the end of the caller's speech to the decision that the turn is over.",
    labels: { language: LANGUAGES },
    buckets: LATENCY_BUCKETS,
  },
  voice_to_voice_seconds: {
    type: 'histogram',
    help: "From the end of the caller's speech to the answer's first sound, at the agent.",
    labels: { language: LANGUAGES, channel: CHANNELS },
    buckets: LATENCY_BUCKETS,
  },
  barge_in_seconds: {
    type: 'histogram',
    help: "From the caller's first sound over the agent to the agent's silence.",
    labels: { language: LANGUAGES, channel: CHANNELS },
    buckets: BARGE_IN_BUCKETS,
  },
  interruptions_total: {
    type: 'counter',
    help: 'Times that the caller stopped the agent: true took the turn, false and backchannel did not.',
    labels: { kind: ['true', 'false', 'backchannel'] },
  },
  speech_cache_lookups_total: {
    type: 'counter',
    help: 'Looks for a phrase in the speech cache, by where it was found.',
    labels: { result: ['memory', 'disk', 'miss'] },
  },
  speculative_transcriptions_total: {
    type: 'counter',
    help: 'Transcriptions begun before the caller had finished: their words, a caption, or thrown away.',
    labels: { result: ['used', 'caption', 'thrown_away'] },
  },
  speculation_seconds_total: {
    type: 'counter',
    help: 'Seconds for which the transcriber worked on captions and on what was thrown away.',
    labels: {},
  },
  provider_failures_total: {
    type: 'counter',
    help: 'Failures of a model endpoint during a call, after its retry.',
    labels: { kind: ['stt', 'llm', 'tts'] },
  },
  recordings_total: {
    type: 'counter',
    help: 'Recordings of calls: kept to their end, or failed before it, as on a full disk.',
    labels: { result: ['kept', 'failed'] },
  },
  unhandled_rejections_total: {
    type: 'counter',
    help: 'Promises that a job process let fail unseen.',
    labels: {},
  },
  job_process_cpu_seconds_total: {
    type: 'counter',
    help: 'Processor time, user and system, of all job processes.',
    labels: {},
  },
} as const satisfies Record<string, MetricDefinition>;

export interface MetricDefinition {
  type: 'counter' | 'histogram';
  help: string;
  /** The values that each label may have. */
  labels: Readonly<Record<string, readonly string[]>>;
  buckets?: readonly number[];
}

export type CallMetric = keyof typeof CALL_METRICS;
type LabelValues = { [N in CallMetric]: (typeof CALL_METRICS)[N]['labels'] };

/** The labels that a metric has, each with its value. */
export type LabelsOf<N extends CallMetric> = {
  [L in keyof LabelValues[N]]: LabelValues[N][L] extends readonly (infer V)[] ? V : never;
} & Record<string, string>;

/**
 * Notes one thing that happened in a call: a counter grows by `value`, a histogram takes `value`, in seconds where its
 * name ends so.
 */
export type RecordMetric = <N extends CallMetric>(name: N, value: number, labels: LabelsOf<N>) => void;

/** What a {@link RecordMetric} was told, on its way from a job process to its worker. */
export interface Observation {
  name: CallMetric;
  value: number;
  labels: Record<string, string>;
}

export type Channel = (typeof CHANNELS)[number];

/** The channel as a label: a room's metadata may name anything. */
export function channelLabel(channel: string): Channel {
  return CHANNELS.find((known) => known === channel) ?? 'other';
}
