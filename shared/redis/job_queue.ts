/**
 * The gateway's side of the broker: submits jobs, reads and ends them.
 *
 * Owns nothing: the shards are borrowed. Never blocks in Redis, never deletes an entry
 * that was accepted: that is for the worker which meets it.
 *
 * @module
 */
import {
  type Admission,
  type Attachment,
  BrokerUnavailable,
  type JobQueue,
  type Submitted,
} from "../broker.ts";
import type { JobId, JobRecord, NewJob } from "../job.ts";
import type { JobCounts } from "../metrics.ts";
import type { Ended, JobStory } from "../story.ts";
import { fieldsOf, parseRecord } from "./record.ts";
import { runScript, runScripts, Script } from "./script.ts";
import { ATTACH, END, READ_STORY } from "./scripts/gateway.ts";
import type { Shard, Shards } from "./shard.ts";
import { factText, namesIn, parseStory, type StoryReply } from "./story.ts";
import { shareOf, Submits } from "./submits.ts";

const attachScript = new Script(ATTACH);
const endScript = new Script(END);
const storyScript = new Script(READ_STORY);

export interface RedisJobQueueParts {
  readonly shards: Shards;
  /** This gateway's name: outcomes go to its result stream. */
  readonly gateway: string;
  /** Bounds of a model over all shards. */
  readonly admission: Admission;
  /** `WEIR_REDIS_WAIT_REPLICAS`. */
  readonly replicas?: number;
  /** Told of every job that was accepted, and of every outcome that was written here. */
  readonly counts?: JobCounts;
}

export class RedisJobQueue implements JobQueue {
  readonly #shards: Shards;
  readonly #gateway: string;
  /** By shard. */
  readonly #submits: readonly Submits[];
  readonly #replicas: number;
  readonly #counts: RedisJobQueueParts["counts"];

  constructor({ shards, gateway, admission, replicas = 0, counts }: RedisJobQueueParts) {
    this.#shards = shards;
    this.#gateway = gateway;
    const share = shareOf(admission, shards.all.length);
    this.#submits = shards.all.map((shard) => new Submits({ shard, gateway, admission: share }));
    this.#replicas = replicas;
    this.#counts = counts;
  }

  get shards(): number {
    return this.#shards.all.length;
  }

  async submit(job: NewJob): Promise<Submitted> {
    const shard = this.#shards.of(job.id)!;
    const submitted = await this.#submits[shard.number]!.submit(job);
    const accepted = submitted.kind === "queued" || submitted.kind === "exists";
    if (accepted) this.#counts?.submitted(job.model);
    // A job that was submitted before may not have come to enough of them then.
    if (accepted || submitted.kind === "same") await this.#replicate(shard, job);
    return submitted;
  }

  /** Waits until enough replicas have the job; where they don't, it must not count as accepted. */
  async #replicate(shard: Shard, { id, idempotency }: NewJob): Promise<void> {
    if (this.#replicas === 0) return;
    const reached = await shard.onServer("WAIT", this.#replicas, REPLICATION_MS) as number;
    if (reached >= this.#replicas) return;
    // With an idempotency key, the client's next try asks for this job again.
    if (idempotency === undefined) await this.#end(shard, id, "cancelled", "too_few_replicas");
    throw new BrokerUnavailable("away", `${reached} of ${this.#replicas} replicas have the job`);
  }

  async get(id: JobId): Promise<JobRecord | undefined> {
    return (await this.story(id))?.record;
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

  async conclude(id: JobId, state: "cancelled" | "expired"): Promise<JobRecord | undefined> {
    const shard = this.#shards.of(id);
    const why = state === "cancelled" ? "asked" : undefined;
    if (shard !== undefined) await this.#end(shard, id, state, why);
    return await this.get(id);
  }

  async abandon(id: JobId): Promise<void> {
    const shard = this.#shards.of(id);
    if (shard === undefined) return;
    const end = { ...this.#endedHere, state: "cancelled", why: "client_left" } as const;
    // Where others are to be told too, nothing is ended.
    const [kind, model] = await tryEnd(shard, id, end, this.#gateway);
    if (kind === "done") this.#counts?.finished(model, end.state);
  }

  async story(id: JobId): Promise<JobStory | undefined> {
    const shard = this.#shards.of(id);
    if (shard === undefined) return undefined;
    return parseStory(
      id,
      await runScript(shard, storyScript, [shard.keys.job(id)], []) as StoryReply,
    );
  }

  get #endedHere(): Pick<Ended, "by" | "role"> {
    return { by: this.#gateway, role: "gateway" };
  }

  async #end(
    shard: Shard,
    id: JobId,
    state: "cancelled" | "expired",
    why: Ended["why"],
  ): Promise<void> {
    const model = await endJob(shard, id, { ...this.#endedHere, state, ...(why && { why }) });
    if (model !== undefined) this.#counts?.finished(model, state);
  }
}

/** How long a submit waits for replicas. */
const REPLICATION_MS = 200;

/**
 * Ends a job that has no outcome yet, telling all gateways that wait for it.
 *
 * @returns the job's model where this call wrote the outcome
 */
export async function endJob(
  shard: Shard,
  id: JobId,
  end: Omit<Ended, "kind">,
): Promise<string | undefined> {
  const { keys } = shard;
  let tell = await shard.run((client) => client.hget(keys.job(id), "tell")) ?? "";
  while (true) {
    const [kind, more] = await tryEnd(shard, id, end, tell);
    if (kind !== "retell") return kind === "done" ? more : undefined;
    // A gateway joined in between: its stream has to be among the declared keys.
    tell = more;
  }
}

type EndReply = ["done", model: string] | ["retell", tell: string] | ["final" | "early" | "gone"];

/** Ends a job that has no outcome yet, unless other gateways than these are to be told, too. */
async function tryEnd(
  shard: Shard,
  id: JobId,
  end: Omit<Ended, "kind">,
  tell: string,
): Promise<EndReply> {
  const { keys } = shard;
  const results = namesIn(tell).map((gateway) => keys.results(gateway));
  const fact = factText({ kind: "ended", ...end });
  return await runScript(
    shard,
    endScript,
    [keys.job(id), keys.deadlines(), ...results],
    [id, end.state, tell, fact],
  ) as EndReply;
}
