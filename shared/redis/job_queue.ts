/**
 * The gateway's side of the broker: submits jobs, reads and ends them.
 *
 * Owns nothing: the shards are borrowed. Never blocks in Redis, never deletes an entry
 * that was accepted: that is for the worker which meets it.
 *
 * @module
 */
import type { ChainableCommander } from "ioredis";
import {
  type Admission,
  type Attachment,
  BrokerUnavailable,
  type Concluded,
  type Full,
  type JobQueue,
  type Submitted,
} from "../broker.ts";
import { bytesOf, type JobId, type JobRecord, type NewJob } from "../job.ts";
import { type CommandClient, unavailable } from "./connection.ts";
import { jobEntry } from "./entry.ts";
import { GROUP, laneOf, LANES, type ShardKeys } from "./keys.ts";
import { fieldsOf, newRecord, parseRecord } from "./record.ts";
import { type Call, runScript, runScripts, Script } from "./script.ts";
import type { Shard, Shards } from "./shard.ts";
import { ATTACH, END, SUBMIT_BESIDE_ENTRY } from "./scripts/gateway.ts";

const submitScript = new Script(SUBMIT_BESIDE_ENTRY);
const attachScript = new Script(ATTACH);
const endScript = new Script(END);

export interface RedisJobQueueParts {
  readonly shards: Shards;
  /** This gateway's name: outcomes go to its result stream. */
  readonly gateway: string;
  /** Bounds of a model over all shards. */
  readonly admission: Admission;
  /** `WEIR_REDIS_WAIT_REPLICAS`. */
  readonly replicas?: number;
}

export class RedisJobQueue implements JobQueue {
  readonly #shards: Shards;
  readonly #gateway: string;
  /** Bounds of a model on one shard. */
  readonly #admission: Admission;
  readonly #replicas: number;

  constructor({ shards, gateway, admission, replicas = 0 }: RedisJobQueueParts) {
    this.#shards = shards;
    this.#gateway = gateway;
    this.#admission = shareOf(admission, shards.all.length);
    this.#replicas = replicas;
  }

  get shards(): number {
    return this.#shards.all.length;
  }

  /**
   * One MULTI: the script admits the job, XADD adds the entry without passing the images through
   * Lua (4 times cheaper for Redis at 78 kB). Where the script refuses, the entry is taken back;
   * should that fail, the worker that meets an entry without a record drops it.
   */
  async submit(job: NewJob): Promise<Submitted> {
    const shard = this.#shards.of(job.id)!;
    const stream = shard.keys.jobs(job.model, laneOf(job.owner));
    const size = { images: job.images.length, bytes: bytesOf(job.images) };
    const call = submitCall(shard.keys, job, size, this.#gateway, this.#admission);
    const [verdict, entry] = await transaction(shard, (client) =>
      client.multi()
        .eval(submitScript.text, call.keys.length, ...call.keys, ...call.args)
        .xadd(stream, "*", ...jobEntry(job)));
    const submitted = submittedOf(verdict as SubmitReply);
    if (submitted.kind !== "queued" && submitted.kind !== "exists") {
      const [job, load] = call.keys as [string, string];
      await transaction(
        shard,
        (client) => client.multi().xdel(stream, entry as string).hdel(load, job),
      );
    } else await this.#replicate(shard, job);
    return submitted;
  }

  /** Waits until enough replicas have the job; where they don't, it must not count as accepted. */
  async #replicate(shard: Shard, { id, idempotency }: NewJob): Promise<void> {
    if (this.#replicas === 0) return;
    const reached = await shard.onServer("WAIT", this.#replicas, REPLICATION_MS) as number;
    if (reached >= this.#replicas) return;
    // With an idempotency key, the client's next try asks for this job again.
    if (idempotency === undefined) await endJob(shard, id, "cancelled");
    throw new BrokerUnavailable("away", `${reached} of ${this.#replicas} replicas have the job`);
  }

  async get(id: JobId): Promise<JobRecord | undefined> {
    const shard = this.#shards.of(id);
    if (shard === undefined) return undefined;
    return parseRecord(id, await shard.run((client) => client.hgetall(shard.keys.job(id))));
  }

  async attach(asked: readonly Attachment[]): Promise<(JobRecord | undefined)[]> {
    const records = new Map<JobId, JobRecord | undefined>();
    for (const [shard, group] of Map.groupBy(asked, ({ id }) => this.#shards.of(id))) {
      if (shard === undefined) continue;
      const calls = group.map(({ id, progress }) => ({
        keys: [shard.keys.job(id)],
        args: [this.#gateway, progress ? 1 : 0],
      }));
      const replies = await runScripts(shard, attachScript, calls);
      group.forEach(({ id }, i) => {
        records.set(id, parseRecord(id, fieldsOf(replies[i] as string[])));
      });
    }
    return asked.map(({ id }) => records.get(id));
  }

  async conclude(id: JobId, state: "cancelled" | "expired"): Promise<Concluded> {
    const shard = this.#shards.of(id);
    const written = shard !== undefined && await endJob(shard, id, state);
    return { written, record: await this.get(id) };
  }

  async abandon(id: JobId): Promise<void> {
    const shard = this.#shards.of(id);
    const tell = await shard?.run((client) => client.hget(shard.keys.job(id), "tell"));
    if (shard !== undefined && tell === this.#gateway) await endJob(shard, id, "cancelled");
  }
}

/** How long a submit waits for replicas. */
const REPLICATION_MS = 200;

/**
 * What a lane with more than its equal share may fill of the bounds, where there are API keys: the
 * rest is for those whose lane has less.
 */
const GREEDY_PART = 1 - 1 / LANES;

/** A shard's part of what all may hold. */
export function shareOf({ jobsMax, bytesMax }: Admission, shards: number): Admission {
  return { jobsMax: Math.ceil(jobsMax / shards), bytesMax: Math.ceil(bytesMax / shards) };
}

/** Runs a MULTI; the replies of its commands. */
async function transaction(
  shard: Shard,
  commands: (client: CommandClient) => ChainableCommander,
): Promise<unknown[]> {
  const replies = await shard.run((client) => commands(client).exec());
  return (replies ?? []).map(([error, reply]) => {
    if (error) throw unavailable(error);
    return reply;
  });
}

/**
 * Keys and arguments of SUBMIT.
 *
 * @param size number of the job's images, and their bytes: all that the script is told of them
 * @param gateway whose result stream is told of the outcome
 */
export function submitCall(
  keys: ShardKeys,
  job: Omit<NewJob, "images" | "top">,
  size: { readonly images: number; readonly bytes: number },
  gateway: string,
  { jobsMax, bytesMax }: Admission,
): Call {
  const { id, owner, model, timeoutMs, keepMs, idempotency, waitMaxMs = "" } = job;
  const { digest, fingerprint = "" } = idempotency ?? {};
  return {
    keys: [
      keys.job(id),
      keys.load(model),
      keys.deadlines(),
      keys.jobs(model, laneOf(owner)),
      ...(digest === undefined ? [] : [keys.idempotency(digest)]),
    ],
    args: [
      ...[id, timeoutMs, keepMs, size.bytes, jobsMax, bytesMax, fingerprint],
      ...[size.images, laneOf(owner), LANES, owner === "" ? 1 : GREEDY_PART, waitMaxMs, GROUP],
      ...newRecord(job, size.images, gateway),
    ],
  };
}

type SubmitReply =
  | ["queued" | "exists", number | string]
  | ["mismatch"]
  | ["same", string]
  | FullReply
  | ["slow", number];

/** The load, and the wait by estimate, or -1 where there is none. */
export type FullReply = ["full", jobs: number, bytes: number, waitMs: number];

/** Says that there is no room. */
export function fullOf([kind, jobs, bytes, waitMs]: FullReply): Full {
  return { kind, load: { jobs, bytes }, ...(waitMs >= 0 && { waitMs }) };
}

function submittedOf(reply: SubmitReply): Submitted {
  switch (reply[0]) {
    case "same":
      return { kind: "same", id: reply[1] as JobId };
    case "full":
      return fullOf(reply);
    case "slow":
      return { kind: "slow", waitMs: reply[1] };
    case "mismatch":
      return { kind: "mismatch" };
    default:
      return { kind: reply[0], createdAt: Number(reply[1]) };
  }
}

/**
 * Ends a job that has no outcome yet, telling all gateways that wait for it.
 *
 * @returns whether this call wrote the outcome
 */
export async function endJob(
  shard: Shard,
  id: JobId,
  state: "cancelled" | "expired",
): Promise<boolean> {
  const { keys } = shard;
  let tell = await shard.run((client) => client.hget(keys.job(id), "tell")) ?? "";
  while (true) {
    const results = gatewaysOf(tell).map((gateway) => keys.results(gateway));
    const reply = await runScript(
      shard,
      endScript,
      [keys.job(id), keys.deadlines(), ...results],
      [id, state, tell],
    );
    const [kind, more] = reply as [string, string | undefined];
    if (kind !== "retell") return kind === "done";
    // A gateway joined in between: its stream has to be among the declared keys.
    tell = more ?? "";
  }
}

/** Names in a record's `tell` field. */
export function gatewaysOf(tell: string): string[] {
  return tell.split(" ").filter((name) => name !== "");
}
