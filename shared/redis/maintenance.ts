/**
 * The maintainer's side of the broker: the lease, and the scripts that check it.
 *
 * Owns the lease's token. Never touches what is pending or undelivered of a job that can be done.
 *
 * @module
 */
import type { Maintenance, MaintenanceReport } from "../broker.ts";
import { parseJobId, TIMEOUT_MAX_MS } from "../job.ts";
import { endJob } from "./job_queue.ts";
import { GROUP, type ShardKeys } from "./keys.ts";
import { runScript, Script } from "./script.ts";
import {
  ELECT,
  FORGET_MODEL,
  FORGET_WORKER,
  RECONCILE,
  RESIGN,
  TRIM,
} from "./scripts/maintenance.ts";
import type { Shard } from "./shard.ts";

const electScript = new Script(ELECT);
const resignScript = new Script(RESIGN);
const trimScript = new Script(TRIM);
const reconcileScript = new Script(RECONCILE);
const forgetWorkerScript = new Script(FORGET_WORKER);
const forgetModelScript = new Script(FORGET_MODEL);

/** Overdue jobs that one run ends at most; the rest is for the next. */
export const OVERDUE_MAX = 1000;

/** How long an event stays in a result stream: far longer than a living gateway needs. */
export const EVENT_KEEP_MS = 60_000;

const NOTHING_DONE: MaintenanceReport = {
  trimmedEvents: 0,
  expiredJobs: 0,
  deadWorkers: 0,
  deadModels: 0,
};

export interface RedisMaintenanceParts {
  readonly shard: Shard;
  /** Unique to this process: who holds the lease. */
  readonly token: string;
  /** How long the lease lasts without being renewed. */
  readonly leaseMs: number;
  readonly eventKeepMs?: number;
}

export class RedisMaintenance implements Maintenance {
  readonly #parts: RedisMaintenanceParts;
  readonly #keys: ShardKeys;

  constructor(parts: RedisMaintenanceParts) {
    // Redis takes whole milliseconds alone.
    this.#parts = { ...parts, leaseMs: Math.ceil(parts.leaseMs) };
    this.#keys = parts.shard.keys;
  }

  async elect(): Promise<boolean> {
    const { shard, token, leaseMs } = this.#parts;
    const held = await runScript(shard, electScript, [this.#keys.maintainer()], [token, leaseMs]);
    return held === 1;
  }

  async run(): Promise<MaintenanceReport> {
    const { shard, token, eventKeepMs = EVENT_KEEP_MS } = this.#parts;
    const gateways = await shard.run((client) => client.smembers(this.#keys.gateways()));
    const reply = await runScript(
      shard,
      trimScript,
      [
        this.#keys.maintainer(),
        this.#keys.deadlines(),
        this.#keys.gateways(),
        ...gateways.map((gateway) => this.#keys.results(gateway)),
      ],
      [token, eventKeepMs, OVERDUE_MAX, ...gateways],
    );
    if (reply === null) return NOTHING_DONE;
    const [trimmedEvents, overdue] = reply as [number, string[]];
    let expiredJobs = 0;
    for (const text of overdue) {
      const id = parseJobId(text);
      if (id !== undefined && await endJob(shard, id, "expired")) expiredJobs++;
    }
    const models = await shard.run((client) => client.hkeys(this.#keys.models()));
    await this.#reconcile(models);
    const deadWorkers = await this.#forgetWorkers(models);
    return {
      trimmedEvents,
      expiredJobs,
      deadWorkers,
      deadModels: await this.#forgetModels(models),
    };
  }

  async #reconcile(models: readonly string[]): Promise<void> {
    const { shard, token } = this.#parts;
    for (const model of models) {
      const keys = [this.#keys.maintainer(), this.#keys.load(model), ...this.#streams([model])];
      await runScript(shard, reconcileScript, keys, [token]);
    }
  }

  async #forgetWorkers(models: readonly string[]): Promise<number> {
    const { shard, token } = this.#parts;
    const served = await shard.run((client) => client.hgetall(this.#keys.workers()));
    let forgotten = 0;
    for (const worker of Object.keys(served)) {
      const keys = [this.#keys.maintainer(), this.#keys.beat(worker), this.#keys.workers()];
      const args = [token, GROUP, worker];
      forgotten += await runScript(
        shard,
        forgetWorkerScript,
        [...keys, ...this.#streams(models)],
        args,
      ) as number;
    }
    return forgotten;
  }

  async #forgetModels(models: readonly string[]): Promise<number> {
    const { shard, token } = this.#parts;
    let forgotten = 0;
    for (const model of models) {
      const keys = [
        this.#keys.maintainer(),
        this.#keys.models(),
        this.#keys.offered(model),
        this.#keys.dead(model),
        this.#keys.deadBytes(model),
        this.#keys.load(model),
      ];
      forgotten += await runScript(
        shard,
        forgetModelScript,
        [...keys, ...this.#streams([model])],
        [token, model, TIMEOUT_MAX_MS],
      ) as number;
    }
    return forgotten;
  }

  #streams(models: readonly string[]): string[] {
    return models.flatMap((model) => this.#keys.lanes(model));
  }

  async resign(): Promise<void> {
    await runScript(this.#parts.shard, resignScript, [this.#keys.maintainer()], [
      this.#parts.token,
    ]);
  }
}
