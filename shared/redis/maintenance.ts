/**
 * The maintainer's side of the broker: the lease, and the scripts that check it.
 *
 * Owns the lease's token. Never touches what is pending or undelivered of a job that can be done.
 *
 * @module
 */
import type { Maintained, Maintenance } from "../maintenance.ts";
import { type JobId, parseJobId, TIMEOUT_MAX_MS } from "../job.ts";
import type { JobCounts } from "../metrics.ts";
import { Inventory } from "./inventory.ts";
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
const OVERDUE_MAX = 1000;

/** How long an event stays in a result stream: far longer than a living gateway needs. */
const EVENT_KEEP_MS = 60_000;

/** A run of one that has lost the lease. */
const NOTHING_DONE: Maintained = {
  report: { trimmedEvents: 0, expiredJobs: 0, deadWorkers: 0, deadModels: 0 },
  dueMs: 0,
};

export interface RedisMaintenanceParts {
  readonly shard: Shard;
  /** Unique to this process: who holds the lease. */
  readonly token: string;
  /** How long the lease lasts without being renewed. */
  readonly leaseMs: number;
  readonly eventKeepMs?: number;
  /** Told of every outcome that was written here. */
  readonly counts?: Pick<JobCounts, "finished">;
}

export class RedisMaintenance implements Maintenance {
  readonly #parts: RedisMaintenanceParts;
  readonly #keys: ShardKeys;
  /** Whether the lease was ours when we last asked. */
  #held = false;
  readonly #inventory: Inventory;

  constructor(parts: RedisMaintenanceParts) {
    // Redis takes whole milliseconds alone.
    this.#parts = { ...parts, leaseMs: Math.ceil(parts.leaseMs) };
    this.#keys = parts.shard.keys;
    this.#inventory = new Inventory(parts.shard);
  }

  /** Renewing is one command: of another's lease, which it could meet once, it only moves the end. */
  async elect(): Promise<boolean> {
    const { shard, token, leaseMs } = this.#parts;
    const key = this.#keys.maintainer();
    if (this.#held) {
      this.#held = await shard.run((client) => client.getex(key, "PX", leaseMs)) === token;
    }
    if (!this.#held) {
      this.#held = await runScript(shard, electScript, [key], [token, leaseMs]) === 1;
    }
    return this.#held;
  }

  look(): Promise<boolean> {
    return this.#inventory.differs();
  }

  async run(): Promise<Maintained> {
    const loads = await this.#inventory.loads();
    const trimmed = await this.#trim();
    if (trimmed === undefined) return NOTHING_DONE;
    const { trimmedEvents, left, overdue, nearest, nearestMs } = trimmed;
    let expiredJobs = 0;
    const { shard, token, counts } = this.#parts;
    for (const id of overdue) {
      const end = { state: "expired", by: token, role: "maintenance" } as const;
      const model = await endJob(shard, id, end);
      if (model === undefined) continue;
      counts?.finished(model, end.state);
      expiredJobs++;
    }
    const models = [...loads.keys()];
    await this.#reconcile(models);
    const report = {
      trimmedEvents,
      expiredJobs,
      deadWorkers: await this.#forgetWorkers(models),
      deadModels: await this.#forgetModels(models),
    };
    this.#inventory.note(loads, nearest);
    return { report, dueMs: left > 0 || overdue.length > 0 ? 0 : nearestMs };
  }

  /** Trims the result streams; undefined without the lease. */
  async #trim(): Promise<Trimmed | undefined> {
    const { shard, token, eventKeepMs = EVENT_KEEP_MS } = this.#parts;
    const gateways = await this.#inventory.gateways();
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
    if (reply === null) return undefined;
    const [trimmedEvents, left, overdue, nearest, nearestMs] = reply as TrimReply;
    return {
      trimmedEvents,
      left,
      overdue: overdue.map(parseJobId).filter((id) => id !== undefined),
      nearest,
      nearestMs: nearestMs < 0 ? Infinity : nearestMs,
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
    const workers = await this.#inventory.workers();
    if (!await this.#inventory.someDead(workers)) return 0;
    let forgotten = 0;
    for (const worker of workers) {
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
    if (!await this.#inventory.someNotOffered(models)) return 0;
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
    this.#held = false;
    await runScript(this.#parts.shard, resignScript, [this.#keys.maintainer()], [
      this.#parts.token,
    ]);
  }
}

interface Trimmed {
  readonly trimmedEvents: number;
  /** Events that are too young to be trimmed. */
  readonly left: number;
  readonly overdue: readonly JobId[];
  readonly nearest: string;
  readonly nearestMs: number;
}

type TrimReply = [
  trimmed: number,
  left: number,
  overdue: string[],
  nearest: string,
  nearestMs: number,
];
