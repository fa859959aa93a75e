/**
 * What both roles measure, and how: prom-client's types over numbers that are kept elsewhere.
 *
 * Owns the names of what every process has: its memory, its way to Redis. Reads numbers when
 * somebody asks. Never asks Redis.
 * Invariant: no label has a value that a client made up.
 *
 * @module
 */
import process from "node:process";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { FinalState } from "./job.ts";

/** Upper bounds of times, in seconds: from what a call to Redis takes to a batch's longest. */
export const SECONDS_BUCKETS: readonly number[] = [
  ...[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5],
  ...[1, 2.5, 5, 10, 30, 60],
];

/** A number that goes up and down, read when it is asked for. */
export function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect(): void {
      this.set(read());
    },
  });
}

/** A number that only grows, counted elsewhere. */
export function total(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect(): void {
      this.reset();
      this.inc(read());
    },
  });
}

/** Measures the process. The library's own set shows, under Deno, much that is not there. */
export function measureProcess(registry: Registry): void {
  const startedAt = performance.timeOrigin / 1000;
  gauge(
    registry,
    "process_start_time_seconds",
    "When the process started, in seconds since 1970 (UTC)",
    () => startedAt,
  );
  gauge(
    registry,
    "process_resident_memory_bytes",
    "Resident memory of the process",
    () => process.memoryUsage.rss(),
  );
  total(
    registry,
    "process_cpu_seconds_total",
    "Processor time of all threads of the process",
    () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  );
}

/** Makes the measure of calls to Redis; to be told how long each took, in milliseconds. */
export function redisCalls(registry: Registry): (ms: number) => void {
  const calls = new Histogram({
    name: "weir_redis_call_seconds",
    help:
      "Time of this process' calls to Redis, each with its second try, but without blocking reads",
    buckets: [...SECONDS_BUCKETS],
    registers: [registry],
  });
  return (ms) => calls.observe(ms / 1000);
}

/** The way of a process to Redis, as it is now. */
export interface RedisWay {
  readonly all: readonly { readonly away: boolean }[];
  readonly connections: number;
  readonly connectionsMax: number;
}

/** Measures the way to Redis. */
export function measureRedis(registry: Registry, way: RedisWay): void {
  gauge(
    registry,
    "weir_redis_breaker_open",
    "Shards whose commands this process does not try, because their server is away",
    () => way.all.filter(({ away }) => away).length,
  );
  gauge(
    registry,
    "weir_redis_process_connections",
    "Connections to Redis that this process needs",
    () => way.connections,
  );
  gauge(
    registry,
    "weir_redis_process_connections_max",
    "Bound on weir_redis_process_connections, WEIR_REDIS_CONNECTIONS_MAX",
    () => way.connectionsMax,
  );
}

/** Told of jobs where their state is written: the sum over all processes has each job once. */
export interface JobCounts {
  submitted(model: string): void;
  finished(model: string, state: FinalState): void;
}

/** Makes the count of jobs that were accepted. */
export function countSubmitted(registry: Registry): JobCounts["submitted"] {
  const submitted = new Counter({
    name: "weir_jobs_submitted_total",
    help: "Jobs that this process submitted",
    labelNames: ["model"],
    registers: [registry],
  });
  return (model) => submitted.inc({ model });
}

/** Makes the count of jobs that are over. */
export function countFinished(registry: Registry): JobCounts["finished"] {
  const finished = new Counter({
    name: "weir_jobs_finished_total",
    help: "Jobs whose outcome this process wrote",
    labelNames: ["model", "state"],
    registers: [registry],
  });
  return (model, state) => finished.inc({ model, state });
}
