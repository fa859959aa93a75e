/**
 * Every metric that Weir has, as the roles make them.
 *
 * @module
 */
import { Registry } from "prom-client";
import { measureGateway } from "../gateway/metrics.ts";
import { requestMetrics } from "../gateway/request_metrics.ts";
import { countFinished, countSubmitted, redisCalls } from "../shared/metrics.ts";
import { systemClock } from "../shared/clock.ts";
import { WorkerMetrics } from "../worker/metrics.ts";

export interface Measured {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
  /** Roles that have it. */
  readonly roles: readonly string[];
}

/** What the library knows of a metric, beyond what its types say. */
interface Known {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames?: readonly string[];
}

const NOBODY = {
  ...{ size: 0, sizeMax: 0, inFlight: 0, dropped: 0, fallbacks: 0 },
  ...{ held: 0, heldMax: 0, running: 0, runningMax: 0 },
};
const NO_WAY = { all: [], connections: 0, connectionsMax: 0 };
const NOTHING = { readAt: 0, shards: [], models: [], workers: [], gateways: [], servers: [] };

function gatewayRegistry(): Registry {
  const registry = new Registry();
  redisCalls(registry);
  countSubmitted(registry);
  countFinished(registry);
  requestMetrics(registry, [], systemClock);
  measureGateway(registry, {
    waiters: NOBODY,
    streams: NOBODY,
    sockets: NOBODY,
    shards: NO_WAY,
    overviews: { read: () => Promise.resolve(NOTHING) },
    admission: { jobsMax: 0, bytesMax: 0 },
    deadBytesMax: 0,
  });
  return registry;
}

function workerRegistry(): Registry {
  const metrics = new WorkerMetrics();
  redisCalls(metrics.registry);
  metrics.watchProcess(NO_WAY, []);
  metrics.watchPipeline({ batcher: NOBODY, decoder: NOBODY, hands: NOBODY });
  return metrics.registry;
}

/** All metrics, by name. */
export function measured(): Measured[] {
  const metrics = new Map<string, Measured>();
  for (
    const [role, registry] of [["gateway", gatewayRegistry()], [
      "worker",
      workerRegistry(),
    ]] as const
  ) {
    for (const metric of registry.getMetricsAsArray() as unknown as Known[]) {
      const { name, help, type, labelNames = [] } = metric;
      const roles = [...metrics.get(name)?.roles ?? [], role];
      metrics.set(name, { name, type, labels: labelNames, help, roles });
    }
  }
  return [...metrics.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}
