/**
 * What all gateways and workers do together, as any gateway can tell it: queues, dead letters, who
 * lives, and how Redis is.
 *
 * Owns the names. The numbers are of an overview, which is read when somebody asks: every gateway
 * tells the same, so a query takes the greatest of them. What cannot be read is left out.
 *
 * @module
 */
import { Counter, Gauge, type Registry } from "prom-client";
import type { Admission } from "../shared/broker.ts";
import { gauge } from "../shared/metrics.ts";
import type { ModelOverview, Overview, Overviews, ServerOverview } from "../shared/overview.ts";

export interface DeploymentParts {
  /** To be asked as often as anybody likes. */
  readonly overviews: Overviews;
  readonly admission: Admission;
  /** Most bytes that a model's dead letters have on a shard. */
  readonly deadBytesMax: number;
}

/** What is told of each model. */
const OF_MODELS: readonly [name: string, help: string, read: (model: ModelOverview) => number][] = [
  [
    "weir_queue_jobs",
    "Jobs admitted and not done; one that expired or was cancelled counts until a worker reaches it",
    ({ jobs }) => jobs,
  ],
  ["weir_queue_bytes", "Image bytes of weir_queue_jobs", ({ bytes }) => bytes],
  ["weir_pending_jobs", "Jobs that a worker has in hand", ({ pending }) => pending],
  [
    "weir_oldest_job_seconds",
    "Age of the oldest job that is not done; 0 if there is none",
    ({ oldestMs }) => oldestMs / 1000,
  ],
  [
    "weir_dead_letters",
    "Jobs that were given up, kept with their images",
    ({ deadLetters }) => deadLetters,
  ],
  ["weir_dead_letter_bytes", "Image bytes of the dead letters", ({ deadBytes }) => deadBytes],
  ["weir_workers", "Live workers that serve the model", ({ workers }) => workers],
];

/** What is told of each server of Redis. */
const OF_SERVERS: readonly [name: string, help: string, read: (s: ServerOverview) => number][] = [
  ["weir_redis_connections", "Connections to Redis, of all clients", (s) => s.connections],
  ["weir_redis_memory_bytes", "Memory that Redis uses", (s) => s.memoryBytes],
  [
    "weir_redis_memory_bytes_max",
    "Bound on weir_redis_memory_bytes; 0 if there is none",
    (s) => s.memoryBytesMax,
  ],
];

/** What is told of the whole. */
const OF_ALL: readonly [name: string, help: string, read: (overview: Overview) => number][] = [
  ["weir_gateways", "Live gateways", ({ gateways }) => gateways.length],
  [
    "weir_workers_silent",
    "Workers that fell silent without saying that they leave",
    ({ workers }) => workers.filter(({ alive }) => alive === undefined).length,
  ],
];

/** Measures the deployment. */
export function measureDeployment(registry: Registry, parts: DeploymentParts): void {
  const { overviews, admission, deadBytesMax } = parts;
  const registers = [registry];
  for (const [name, help, read] of OF_MODELS) {
    new Gauge({
      name,
      help,
      labelNames: ["model"],
      registers,
      async collect(): Promise<void> {
        const { models } = await overviews.read();
        this.reset();
        for (const model of models) this.set({ model: model.model }, read(model));
      },
    });
  }
  measureServers(registry, overviews);
  for (const [name, help, read] of OF_ALL) {
    new Gauge({
      name,
      help,
      registers,
      async collect(): Promise<void> {
        const overview = await overviews.read();
        this.remove();
        if (overview.shards.some(({ read }) => read)) this.set(read(overview));
      },
    });
  }
  new Gauge({
    name: "weir_shards_unread",
    help: "Shards that could not be read: the models' numbers leave theirs out",
    registers,
    async collect(): Promise<void> {
      const { shards } = await overviews.read();
      this.set(shards.filter(({ read }) => !read).length);
    },
  });
  gauge(
    registry,
    "weir_queue_jobs_max",
    "Bound on weir_queue_jobs, WEIR_QUEUE_JOBS_MAX",
    () => admission.jobsMax,
  );
  gauge(
    registry,
    "weir_queue_bytes_max",
    "Bound on weir_queue_bytes, WEIR_QUEUE_BYTES_MAX",
    () => admission.bytesMax,
  );
  gauge(
    registry,
    "weir_dead_letter_bytes_max",
    "Bound on weir_dead_letter_bytes, over all shards",
    () => deadBytesMax,
  );
}

function measureServers(registry: Registry, overviews: Overviews): void {
  for (const [name, help, read] of OF_SERVERS) {
    new Gauge({
      name,
      help,
      labelNames: ["shard"],
      registers: [registry],
      async collect(): Promise<void> {
        const { servers } = await overviews.read();
        this.reset();
        for (const server of servers) this.set({ shard: server.shard }, read(server));
      },
    });
  }
  new Counter({
    name: "weir_redis_commands_total",
    help: "Commands that Redis has run, for all clients",
    labelNames: ["shard"],
    registers: [registry],
    async collect(): Promise<void> {
      const { servers } = await overviews.read();
      this.reset();
      for (const server of servers) this.inc({ shard: server.shard }, server.commands);
    },
  });
}
