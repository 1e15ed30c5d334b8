import { telemetry } from '@livekit/agents';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { Config } from '../config/config.ts';

/** A collector that takes longer loses what it was sent: a job process waits for it before it ends. */
const EXPORT_TIMEOUT_MS = 3_000;

export interface Traces {
  /** Sends what was not sent yet; never fails. */
  flush: () => Promise<void>;
}

/**
 * Sends this process's spans (the framework's: a call, its turns, and in each the end of the turn, the model, the voice)
 * to the collector at OTEL_EXPORTER_OTLP_ENDPOINT, as OTLP over HTTP. Without one nothing is traced. All other
 * `OTEL_…` variables of the OpenTelemetry SDK count as it reads them.
 *
 * What people say, the instructions, the data tools and the names of rooms and persons are taken out of the spans before
 * they leave, unless OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT allows them.
 */
export function traceCalls(config: Config): Traces {
  if (config.OTEL_EXPORTER_OTLP_ENDPOINT === undefined) return { flush: async () => undefined };
  // The SDK reads the environment alone; ours may come from .env.
  for (const name of ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_HEADERS'] as const) {
    if (config[name] !== undefined) process.env[name] ??= config[name];
  }
  const framework = new telemetry.FanoutSpanProcessor();
  const provider = new NodeTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'charla' }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [
      framework,
      new BatchSpanProcessor(new OTLPTraceExporter(), { exportTimeoutMillis: EXPORT_TIMEOUT_MS }),
    ],
  });
  provider.register();
  telemetry.setTracerProvider(provider, {
    registerSpanProcessor: (processor) => framework.add(processor),
    allowPii: config.OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT,
  });
  return { flush: () => provider.forceFlush().catch(() => undefined) };
}
