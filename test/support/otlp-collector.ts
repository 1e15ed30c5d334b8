import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import protobuf from 'protobufjs';

/** The fields of `opentelemetry/proto/trace/v1/trace.proto` that tests look at, by the numbers that they have there. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5;
    fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9; repeated Event events = 11;
  }
  message Event { string name = 2; repeated KeyValue attributes = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
`);

export interface CollectedSpan {
  name: string;
  service: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  /** Since the epoch, ms. */
  startMs: number;
  endMs: number;
  attributes: Record<string, unknown>;
}

/** A collector of traces on loopback: takes OTLP over HTTP, in protobuf. */
export interface OtlpCollector {
  /** What OTEL_EXPORTER_OTLP_ENDPOINT is set to. */
  url: string;
  spans: CollectedSpan[];
  /** Everything that came, as it came: whatever is in it, a search finds. */
  raw: () => string;
  /** Headers of each request. */
  headers: Record<string, unknown>[];
  close: () => Promise<void>;
}

export async function startOtlpCollector(): Promise<OtlpCollector> {
  const spans: CollectedSpan[] = [];
  const headers: Record<string, unknown>[] = [];
  const bodies: Buffer[] = [];
  const server = createServer(async (request, response) => {
    const sent = await buffer(request);
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    if (request.url !== '/v1/traces') {
      response.writeHead(404).end();
      return;
    }
    headers.push(request.headers);
    bodies.push(body);
    spans.push(...decode(body));
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    headers,
    raw: () => Buffer.concat(bodies).toString('utf8'),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

interface KeyValue {
  key: string;
  value?: Record<string, unknown>;
}
interface Decoded {
  resourceSpans?: {
    resource?: { attributes?: KeyValue[] };
    scopeSpans?: {
      spans?: {
        name: string;
        traceId: string;
        spanId: string;
        parentSpanId?: string;
        startTimeUnixNano: string;
        endTimeUnixNano: string;
        attributes?: KeyValue[];
      }[];
    }[];
  }[];
}

function decode(body: Buffer): CollectedSpan[] {
  const type = root.lookupType('Request');
  const { resourceSpans = [] } = type.toObject(type.decode(body), {
    bytes: String,
    longs: String,
  }) as Decoded;
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const service = String(attributesOf(resource?.attributes)['service.name']);
    return scopeSpans
      .flatMap(({ spans = [] }) => spans)
      .map(
        ({ name, traceId, spanId, parentSpanId = '', startTimeUnixNano, endTimeUnixNano, attributes }) => ({
          name,
          service,
          traceId,
          spanId,
          parentSpanId,
          startMs: Number(BigInt(startTimeUnixNano) / 1_000_000n),
          endMs: Number(BigInt(endTimeUnixNano) / 1_000_000n),
          attributes: attributesOf(attributes),
        }),
      );
  });
}

function attributesOf(list: KeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value = {} }) => [key, Object.values(value)[0]]));
}
