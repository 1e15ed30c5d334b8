import { telemetry, voice } from '@livekit/agents';

/**
 * Gives each transcription a span of its own under the call's, as the framework does for the model and the voice. It has
 * none where a transcriber streams, because there it knows no requests.
 */
export function traceTranscriptions(session: voice.AgentSession): void {
  session.on(voice.AgentSessionEventTypes.MetricsCollected, ({ metrics }) => {
    if (metrics.type !== 'stt_metrics' || metrics.streamed) return;
    const { durationMs, audioDurationMs, timestamp, metadata } = metrics;
    const span = telemetry.tracer.startSpan({
      name: 'stt_request',
      startTime: timestamp - durationMs,
      ...(session.rootSpanContext && { context: session.rootSpanContext }),
      attributes: {
        'charla.audio_duration_ms': audioDurationMs,
        ...(metadata?.modelName !== undefined && { 'gen_ai.request.model': metadata.modelName }),
      },
    });
    span.end(timestamp);
  });
}
