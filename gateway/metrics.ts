/**
 * What a gateway measures of itself, in Prometheus' text format.
 *
 * Owns the names; reads the numbers where they are kept, when somebody asks. Never asks Redis: what
 * all gateways and workers do together is in `deployment_metrics.ts`.
 *
 * @module
 */
import type { Registry } from "prom-client";
import { gauge, measureProcess, measureRedis, type RedisWay, total } from "../shared/metrics.ts";
import { type DeploymentParts, measureDeployment } from "./deployment_metrics.ts";
import type { EventStreams } from "./events/event_streams.ts";
import type { Sockets } from "./socket/sockets.ts";
import type { Waiters } from "./waiters.ts";

export interface MetricsParts extends DeploymentParts {
  readonly waiters: Pick<Waiters, "size" | "fallbacks">;
  readonly streams: Pick<EventStreams, "size" | "dropped">;
  readonly sockets: Pick<Sockets, "size" | "sizeMax" | "inFlight" | "dropped">;
  readonly shards: RedisWay;
}

/** Measures a gateway, and the deployment as it sees it. */
export function measureGateway(registry: Registry, parts: MetricsParts): void {
  const { waiters, streams, sockets, shards } = parts;
  measureProcess(registry);
  measureRedis(registry, shards);
  gauge(
    registry,
    "weir_waiters",
    "Waits for a job's outcome now under way",
    () => waiters.size,
  );
  total(
    registry,
    "weir_waiter_fallbacks_total",
    "Waits that ended by reading the job's record, because no event came",
    () => waiters.fallbacks,
  );
  gauge(
    registry,
    "weir_sse_clients",
    "Clients that are reading a job's events",
    () => streams.size,
  );
  total(
    registry,
    "weir_sse_clients_dropped_total",
    "Clients that were dropped because they left too many events unread",
    () => streams.dropped,
  );
  measureSockets(registry, sockets);
  measureDeployment(registry, parts);
}

function measureSockets(registry: Registry, sockets: MetricsParts["sockets"]): void {
  gauge(registry, "weir_socket_clients", "WebSockets that are open", () => sockets.size);
  gauge(
    registry,
    "weir_socket_clients_max",
    "Bound on weir_socket_clients; one more is refused",
    () => sockets.sizeMax,
  );
  gauge(
    registry,
    "weir_socket_images_in_flight",
    "Images of WebSockets that are neither refused nor done",
    () => sockets.inFlight,
  );
  total(
    registry,
    "weir_socket_clients_dropped_total",
    "WebSockets that were closed because their client left too much unread",
    () => sockets.dropped,
  );
}
