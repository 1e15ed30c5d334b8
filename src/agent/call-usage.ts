import type { metrics } from '@livekit/agents';
import type { ModelUsage } from '../telemetry/call-event.ts';

/** Adds up what a call takes of each model, from the metrics of the framework. */
export class CallUsage {
  readonly #models = new Map<string, ModelUsage>();

  add(measured: metrics.AgentMetrics): void {
    switch (measured.type) {
      case 'stt_metrics':
        // A stream reports its own life too, with the same sound.
        if (measured.streamed) return;
        this.#count('stt', measured.metadata, {
          input_tokens: measured.inputTokens,
          output_tokens: measured.outputTokens,
          audio_ms: measured.audioDurationMs,
        });
        return;
      case 'llm_metrics':
        this.#count('llm', measured.metadata, {
          input_tokens: measured.promptTokens,
          output_tokens: measured.completionTokens,
        });
        return;
      case 'tts_metrics':
        this.#count('tts', measured.metadata, {
          input_tokens: measured.inputTokens,
          output_tokens: measured.outputTokens,
          characters: measured.charactersCount,
          audio_ms: measured.audioDurationMs,
        });
        return;
    }
  }

  get models(): ModelUsage[] {
    return [...this.#models.values()].map((usage) => ({ ...usage }));
  }

  #count(
    kind: ModelUsage['kind'],
    metadata: metrics.MetricsMetadata | undefined,
    used: { [Key in Exclude<keyof ModelUsage, 'kind' | 'model' | 'requests'>]?: number | undefined },
  ): void {
    const model = metadata?.modelName || 'unknown';
    const key = `${kind} ${model}`;
    const usage = this.#models.get(key) ?? {
      kind,
      model,
      requests: 0,
      input_tokens: 0,
      output_tokens: 0,
      characters: 0,
      audio_ms: 0,
    };
    this.#models.set(key, usage);
    usage.requests += 1;
    for (const name of ['input_tokens', 'output_tokens', 'characters', 'audio_ms'] as const) {
      usage[name] += Math.max(0, Math.round(used[name] ?? 0));
    }
  }
}
