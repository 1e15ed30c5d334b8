import { initializeLogger, type metrics, voice } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { traceTranscriptions } from '../../src/agent/trace-transcriptions.ts';
import { loadConfig } from '../../src/config/config.ts';
import { createLLM } from '../../src/providers/llm/create-llm.ts';
import { traceCalls } from '../../src/telemetry/traces.ts';
import { type FixedEngines, startFixedEngines } from '../support/fixed-engines.ts';
import { type OtlpCollector, startOtlpCollector } from '../support/otlp-collector.ts';

initializeLogger({ pretty: false, level: 'silent' });

/** Words that may not leave: said by the caller, by the agent, and known about the caller. */
const SECRETS = { asked: 'pregunta-secreta', answered: 'respuesta-secreta', known: 'dato-secreto' };

let collector: OtlpCollector;
let engines: FixedEngines;

beforeEach(async () => {
  collector = await startOtlpCollector();
  engines = await startFixedEngines({ answer: `Es ${SECRETS.answered}.`, firstTokenMs: 5, tokenMs: 1 });
  for (const name of ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_HEADERS'])
    vi.stubEnv(name, undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await engines.close();
  await collector.close();
});

/** A conversation of one question, traced with that configuration. */
async function converse(env: Record<string, string>): Promise<void> {
  const traces = traceCalls(loadConfig(env));
  const endpoint = { kind: 'local', baseUrl: engines.baseUrl, apiKey: 'none', model: 'm' } as const;
  const session = new voice.AgentSession({ llm: createLLM(endpoint, 'call-7') });
  traceTranscriptions(session);
  await session.start({ agent: new voice.Agent({ instructions: `Sabes ${SECRETS.known}.` }) });
  session.emit(voice.AgentSessionEventTypes.MetricsCollected, {
    type: 'metrics_collected',
    createdAt: 0,
    metrics: transcribed,
  });
  await session.run({ userInput: `¿Cuál es mi ${SECRETS.asked}?` }).wait();
  await session.close();
  await traces.flush();
}

const transcribed: metrics.STTMetrics = {
  type: 'stt_metrics',
  label: 'l',
  requestId: 'r',
  timestamp: 1_800_000_000_500,
  durationMs: 250,
  audioDurationMs: 1_900,
  streamed: false,
  metadata: { modelName: 'whisper-base' },
};

const named = (name: string) => collector.spans.filter((span) => span.name === name);

describe('traces', () => {
  it('are not made unless a collector is named', async () => {
    await converse({});
    expect(collector.headers).toEqual([]);
  });

  it('have a span for each stage, under the call’s own, and no words', async () => {
    await converse({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-collector-key=k1',
    });
    const [call] = named('agent_session');
    expect(call).toMatchObject({ service: 'charla', parentSpanId: '' });
    for (const stage of ['agent_turn', 'llm_node', 'llm_request']) {
      expect(named(stage), stage).toHaveLength(1);
      expect(named(stage)[0]?.traceId).toBe(call?.traceId);
    }
    const turn = named('agent_turn')[0];
    expect(named('llm_node')[0]?.parentSpanId).toBe(turn?.spanId);
    expect(named('llm_request')[0]?.attributes).toMatchObject({ 'gen_ai.request.model': 'm' });
    const [transcription] = named('stt_request');
    expect(transcription).toMatchObject({
      parentSpanId: call?.spanId,
      startMs: 1_800_000_000_250,
      endMs: 1_800_000_000_500,
      attributes: { 'gen_ai.request.model': 'whisper-base' },
    });
    expect(collector.headers[0]).toMatchObject({ 'x-collector-key': 'k1' });
    for (const secret of Object.values(SECRETS)) expect(collector.raw()).not.toContain(secret);
    expect(collector.raw()).not.toMatch(/lk\.pii/);
  });

  it('have the words only where that is allowed', async () => {
    await converse({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'true',
    });
    expect(collector.raw()).toContain(SECRETS.asked);
    expect(collector.raw()).toContain(SECRETS.answered);
  });

  it('do not hold up the end of a call when the collector is away', async () => {
    await collector.close();
    await expect(converse({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })).resolves.toBeUndefined();
    collector = await startOtlpCollector();
  });
});
