/**
 * What a gateway measures of itself, in Prometheus' text format.
 *
 * Owns the registry; reads the numbers where they are kept, when somebody asks. Never asks Redis.
 *
 * @module
 */
import { Counter, Gauge, Registry } from "prom-client";
import type { Shard } from "../shared/redis/shard.ts";
import type { EventStreams } from "./events/event_streams.ts";
import type { Sockets } from "./socket/sockets.ts";
import type { Waiters } from "./waiters.ts";

export interface MetricsParts {
  readonly waiters: Pick<Waiters, "size" | "fallbacks">;
  readonly streams: Pick<EventStreams, "size" | "dropped">;
  readonly sockets: Pick<Sockets, "size" | "inFlight" | "dropped">;
  readonly shards: readonly Pick<Shard, "away">[];
}

/** Makes the registry of a gateway. */
export function gatewayMetrics({ waiters, streams, sockets, shards }: MetricsParts): Registry {
  const registry = new Registry();
  const registers = [registry];
  new Gauge({
    name: "weir_waiters",
    help: "Waits for a job's outcome that are under way",
    registers,
    collect(): void {
      this.set(waiters.size);
    },
  });
  new Counter({
    name: "weir_waiter_fallbacks_total",
    help: "Waits that ended by reading the job's record, because no event came",
    registers,
    collect(): void {
      this.reset();
      this.inc(waiters.fallbacks);
    },
  });
  new Gauge({
    name: "weir_sse_clients",
    help: "Clients that read a job's events",
    registers,
    collect(): void {
      this.set(streams.size);
    },
  });
  new Counter({
    name: "weir_sse_clients_dropped_total",
    help: "Clients that were dropped because they left too many events unread",
    registers,
    collect(): void {
      this.reset();
      this.inc(streams.dropped);
    },
  });
  measureSockets(sockets, registers);
  new Gauge({
    name: "weir_redis_breaker_open",
    help: "Shards whose commands fail without being tried, because their server is away",
    registers,
    collect(): void {
      this.set(shards.filter(({ away }) => away).length);
    },
  });
  return registry;
}

function measureSockets(sockets: MetricsParts["sockets"], registers: Registry[]): void {
  new Gauge({
    name: "weir_socket_clients",
    help: "WebSockets that are open",
    registers,
    collect(): void {
      this.set(sockets.size);
    },
  });
  new Gauge({
    name: "weir_socket_images_in_flight",
    help: "Images of WebSockets that are neither refused nor done",
    registers,
    collect(): void {
      this.set(sockets.inFlight);
    },
  });
  new Counter({
    name: "weir_socket_clients_dropped_total",
    help: "WebSockets that were closed because their client left too much unread",
    registers,
    collect(): void {
      this.reset();
      this.inc(sockets.dropped);
    },
  });
}
