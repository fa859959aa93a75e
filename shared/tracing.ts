/**
 * A job's spans, through OpenTelemetry and Deno's own exporter (`OTEL_DENO=true`).
 *
 * Owns the names and attributes: semantic conventions of messaging
 * (https://opentelemetry.io/docs/specs/semconv/messaging/). Never decides what is recorded: without
 * the exporter no span is, and a call costs next to nothing.
 * Invariant: every span of a job is in the trace that its entry names.
 *
 * @module
 */
import {
  type Attributes,
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import type { Delivery } from "./broker.ts";
import type { Clock } from "./clock.ts";
import { bytesOf, type NewJob } from "./job.ts";
import { parseTraceparent, traceparentOf } from "./traceparent.ts";

/** Spans of this process. */
export class Tracing {
  readonly #clock: Pick<Clock, "wall">;
  readonly #tracer: Tracer = trace.getTracer("weir");

  constructor(clock: Pick<Clock, "wall">) {
    this.#clock = clock;
  }

  /** The request under way as a `traceparent`; undefined where it is not traced. */
  get traceparent(): string | undefined {
    return textOf(trace.getActiveSpan());
  }

  /** Says which route serves the request under way, where it is traced. */
  route(method: string, path: string): void {
    trace.getActiveSpan()?.updateName(`${method} ${path}`).setAttribute("http.route", path);
  }

  /** Begins to send a job: within the request under way, else within the trace that it names. */
  send(job: NewJob): Sending {
    const { id, model, images, traceparent } = job;
    const span = this.#tracer.startSpan(`send ${model}`, {
      kind: SpanKind.PRODUCER,
      attributes: {
        ...messageOf({ id, model, bytes: bytesOf(images) }),
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
      },
    }, trace.getActiveSpan() === undefined ? within(traceparent) : context.active());
    return new Sending(span, job);
  }

  /**
   * Begins to process a delivery.
   *
   * @param waitedMs how long it was queued, where that is known
   */
  process(delivery: Delivery, attempt: number, waitedMs: number | undefined): AttemptSpans {
    const parent = within(delivery.traceparent);
    if (waitedMs !== undefined) {
      const startTime = this.#clock.wall() - waitedMs;
      this.#tracer.startSpan("queue", { startTime }, parent).end();
    }
    const span = this.#tracer.startSpan(`process ${delivery.model}`, {
      kind: SpanKind.CONSUMER,
      attributes: {
        ...messageOf(delivery),
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.consumer.group.name": "workers",
        "weir.attempt": attempt,
      },
    }, parent);
    return new AttemptSpans(this.#tracer, span);
  }

  /** Begins a batch: a trace of its own, which is linked with those of its jobs. */
  batch(model: string, number: number, attempts: readonly AttemptSpans[]): Span {
    const span = this.#tracer.startSpan(`batch ${model}`, {
      root: true,
      links: attempts.filter(({ recorded }) => recorded).map(({ spanContext }) => ({
        context: spanContext,
      })),
      attributes: { "weir.batch": number, "messaging.batch.message_count": attempts.length },
    });
    for (const attempt of attempts) attempt.link(span);
    return span;
  }
}

/** A job on its way into its stream. */
export class Sending {
  readonly #span: Span;
  /** What the entry is to carry, so that whoever processes it goes on with this trace. */
  readonly traceparent: string | undefined;

  constructor(span: Span, { traceparent }: NewJob) {
    this.#span = span;
    this.traceparent = span.isRecording() ? textOf(span) : traceparent;
  }

  /**
   * Ends it.
   *
   * @param id the job's, which may have gone to another shard
   * @param answer what became of the submit
   */
  end(id: string, answer: string): void {
    this.#span.setAttributes({ "messaging.message.id": id, "weir.submitted": answer }).end();
  }

  /** Ends it with an error. */
  fail(error: unknown): void {
    failed(this.#span, error instanceof Error ? error.name : String(error)).end();
  }
}

/** One attempt at a job: the whole, and the stage that it is in. */
export class AttemptSpans {
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly recorded: boolean;
  #stage: Span | undefined;

  constructor(tracer: Tracer, span: Span) {
    this.#tracer = tracer;
    this.#span = span;
    this.recorded = span.isRecording();
  }

  get spanContext(): ReturnType<Span["spanContext"]> {
    return this.#span.spanContext();
  }

  /** Begins a stage, which ends the one before. */
  enter(stage: string): void {
    if (!this.recorded) return;
    this.#stage?.end();
    this.#stage = this.#tracer.startSpan(stage, {}, trace.setSpan(ROOT_CONTEXT, this.#span));
  }

  /** Links the stage with the batch that its images are in. */
  link(batch: Span): void {
    if (this.recorded) this.#stage?.addLink({ context: batch.spanContext() });
  }

  /** Ends the attempt, whichever way. */
  end(how: string): void {
    if (!this.recorded) return;
    this.#stage?.end();
    if (how === "failed") failed(this.#span, how);
    this.#span.setAttribute("weir.outcome", how).end();
  }
}

/** What every span of a message says. */
function messageOf(
  { id, model, bytes }: Pick<Delivery, "id" | "model" | "bytes">,
): Attributes {
  return {
    "messaging.system": "redis",
    "messaging.destination.name": `jobs:${model}`,
    "messaging.message.id": id,
    "messaging.message.body.size": bytes,
  };
}

function failed(span: Span, type: string): Span {
  return span.setAttribute("error.type", type).setStatus({ code: SpanStatusCode.ERROR });
}

/** The context of whoever wrote a traceparent. */
function within(traceparent: string | undefined): Context {
  const named = parseTraceparent(traceparent);
  return named === undefined
    ? ROOT_CONTEXT
    : trace.setSpanContext(ROOT_CONTEXT, { ...named, isRemote: true });
}

function textOf(span: Span | undefined): string | undefined {
  return span?.isRecording() ? traceparentOf(span.spanContext()) : undefined;
}
