/**
 * A collector of spans on the loopback interface, as a role exports them: OTLP over HTTP, as JSON.
 *
 * Owns its port. Never judges what it is sent.
 *
 * @module
 */
import { until } from "./waiting.ts";

/** What a role needs in its environment to export to a receiver, quickly. */
export type ExportSettings = Readonly<Record<string, string>>;

/** A span, as far as tests look at it. */
export interface ReceivedSpan {
  /** `service.name` of the process. */
  readonly service: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly ms: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** 2 is an error. */
  readonly status: number;
}

type Attributes = readonly { readonly key: string; readonly value: Record<string, unknown> }[];

/** The JSON of the protocol, which has more (opentelemetry-proto, trace/v1). */
interface Exported {
  readonly resourceSpans?: readonly {
    readonly resource: { readonly attributes: Attributes };
    readonly scopeSpans: readonly { readonly spans: readonly ExportedSpan[] }[];
  }[];
}

interface ExportedSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: Attributes;
  readonly links?: ReceivedSpan["links"];
  readonly status?: { readonly code?: number };
}

export class OtlpReceiver implements AsyncDisposable {
  readonly spans: ReceivedSpan[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#server = Deno.serve(options, async (request) => {
      this.spans.push(...spansOf(await request.json()));
      return Response.json({});
    });
  }

  get settings(): ExportSettings {
    return {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#server.addr.port}`,
      OTEL_BSP_SCHEDULE_DELAY: "50",
    };
  }

  /** Waits until a trace has spans of these names, and gives all that it has. */
  async trace(traceId: string, ...names: readonly string[]): Promise<readonly ReceivedSpan[]> {
    return await until(`trace ${traceId} has ${names.join(", ")}`, () => {
      const spans = this.spans.filter((span) => span.traceId === traceId);
      const complete = names.every((name) => spans.some((span) => span.name === name));
      return Promise.resolve(complete && spans);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function* spansOf({ resourceSpans = [] }: Exported): Iterable<ReceivedSpan> {
  for (const { resource, scopeSpans } of resourceSpans) {
    const service = String(valuesOf(resource.attributes)["service.name"]);
    for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
      const { name, kind, traceId, spanId, parentSpanId = "", links = [], attributes } = span;
      const nanoseconds = BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano);
      yield {
        ...{ service, name, kind, traceId, spanId, parentSpanId, links },
        ms: Number(nanoseconds) / 1e6,
        attributes: valuesOf(attributes),
        status: span.status?.code ?? 0,
      };
    }
  }
}

/** Each value is an object with one member, named for its type. */
function valuesOf(attributes: Attributes = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
