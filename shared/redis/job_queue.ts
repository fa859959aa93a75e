/**
 * The gateway's side of the broker: submits jobs, reads and ends them.
 *
 * Owns nothing but a borrowed command connection. Never blocks in Redis, never deletes an entry
 * that was accepted: that is for the worker which meets it.
 *
 * @module
 */
import type { Redis } from "ioredis";
import {
  type Admission,
  BrokerUnavailable,
  type Concluded,
  type JobQueue,
  type Submitted,
} from "../broker.ts";
import { bytesOf, type JobId, type JobRecord, type NewJob, shardOf } from "../job.ts";
import { guarded, unavailable } from "./connection.ts";
import { jobEntry } from "./entry.ts";
import { ShardKeys } from "./keys.ts";
import { fieldsOf, newRecord, parseRecord } from "./record.ts";
import { type Call, runScript, Script } from "./script.ts";
import { ATTACH, END, SUBMIT_BESIDE_ENTRY } from "./scripts/gateway.ts";

const submitScript = new Script(SUBMIT_BESIDE_ENTRY);
const attachScript = new Script(ATTACH);
const endScript = new Script(END);

export interface RedisJobQueueParts {
  readonly client: Redis;
  /** This gateway's name: outcomes go to its result stream. */
  readonly gateway: string;
  readonly admission: Admission;
}

export class RedisJobQueue implements JobQueue {
  readonly #client: Redis;
  readonly #gateway: string;
  readonly #admission: Admission;

  constructor({ client, gateway, admission }: RedisJobQueueParts) {
    this.#client = client;
    this.#gateway = gateway;
    this.#admission = admission;
  }

  /**
   * One MULTI: the script admits the job, XADD adds the entry without passing the images through
   * Lua (4 times cheaper for Redis at 78 kB). Where the script refuses, the entry is taken back;
   * should that fail, the worker that meets an entry without a record drops it.
   */
  async submit(job: NewJob): Promise<Submitted> {
    const stream = new ShardKeys(shardOf(job.id)).jobs(job.model, job.lane);
    const size = { images: job.images.length, bytes: bytesOf(job.images) };
    const call = submitCall(job, size, this.#gateway, this.#admission);
    const replies = await guarded(this.#client, () =>
      this.#client.multi()
        .eval(submitScript.text, call.keys.length, ...call.keys, ...call.args)
        .xadd(stream, "*", ...jobEntry(job))
        .exec());
    const [[scriptError, verdict] = [], [addError, entry] = []] = replies ?? [];
    if (scriptError) throw unavailable(scriptError);
    if (addError) throw unavailable(addError);
    const submitted = submittedOf(verdict as SubmitReply);
    if (submitted.kind !== "queued" && submitted.kind !== "exists") {
      const [job, load] = call.keys as [string, string];
      await guarded(
        this.#client,
        () => this.#client.multi().xdel(stream, entry as string).hdel(load, job).exec(),
      );
    }
    return submitted;
  }

  async get(id: JobId): Promise<JobRecord | undefined> {
    const key = new ShardKeys(shardOf(id)).job(id);
    return parseRecord(id, await guarded(this.#client, () => this.#client.hgetall(key)));
  }

  async getAll(ids: readonly JobId[]): Promise<(JobRecord | undefined)[]> {
    const pipeline = this.#client.pipeline();
    for (const id of ids) pipeline.hgetall(new ShardKeys(shardOf(id)).job(id));
    const replies = await guarded(this.#client, () => pipeline.exec()) ?? [];
    return ids.map((id, i) => {
      const [error, fields] = replies[i] ?? [new BrokerUnavailable("away", "no reply")];
      if (error) throw unavailable(error);
      return parseRecord(id, fields as Record<string, string>);
    });
  }

  async attach(id: JobId): Promise<JobRecord | undefined> {
    const key = new ShardKeys(shardOf(id)).job(id);
    const flat = await runScript(this.#client, attachScript, [key], [this.#gateway]);
    return parseRecord(id, fieldsOf(flat as string[]));
  }

  async conclude(id: JobId, state: "cancelled" | "expired"): Promise<Concluded> {
    const written = await endJob(this.#client, id, state);
    return { written, record: await this.get(id) };
  }

  async abandon(id: JobId): Promise<void> {
    const key = new ShardKeys(shardOf(id)).job(id);
    const tell = await guarded(this.#client, () => this.#client.hget(key, "tell"));
    if (tell === this.#gateway) await endJob(this.#client, id, "cancelled");
  }
}

/**
 * Keys and arguments of SUBMIT.
 *
 * @param size number of the job's images, and their bytes: all that the script is told of them
 * @param gateway whose result stream is told of the outcome
 */
export function submitCall(
  job: Omit<NewJob, "images" | "lane" | "top">,
  size: { readonly images: number; readonly bytes: number },
  gateway: string,
  { jobsMax, bytesMax }: Admission,
): Call {
  const { id, model, timeoutMs, keepMs, idempotency } = job;
  const { digest, fingerprint = "" } = idempotency ?? {};
  const keys = new ShardKeys(shardOf(id));
  return {
    keys: [
      keys.job(id),
      keys.load(model),
      keys.deadlines(),
      ...(digest === undefined ? [] : [keys.idempotency(digest)]),
    ],
    args: [
      ...[id, timeoutMs, keepMs, size.bytes, jobsMax, bytesMax, fingerprint],
      ...newRecord(job, size.images, gateway),
    ],
  };
}

type SubmitReply =
  | ["queued" | "exists" | "mismatch"]
  | ["same", string]
  | ["full", number, number];

function submittedOf(reply: SubmitReply): Submitted {
  switch (reply[0]) {
    case "same":
      return { kind: "same", id: reply[1] as JobId };
    case "full":
      return { kind: "full", load: { jobs: reply[1], bytes: reply[2] } };
    default:
      return { kind: reply[0] };
  }
}

/**
 * Ends a job that has no outcome yet, telling all gateways that wait for it.
 *
 * @returns whether this call wrote the outcome
 */
export async function endJob(
  client: Redis,
  id: JobId,
  state: "cancelled" | "expired",
): Promise<boolean> {
  const keys = new ShardKeys(shardOf(id));
  let tell = await guarded(client, () => client.hget(keys.job(id), "tell")) ?? "";
  while (true) {
    const results = gatewaysOf(tell).map((gateway) => keys.results(gateway));
    const reply = await runScript(
      client,
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
