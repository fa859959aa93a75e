/**
 * What a worker writes of its attempts, from their beginning to their end: one atomic script a job,
 * a batch of them in one round trip.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Delivery, Finished, Outcome, Progress, Settled, Verdict } from "../broker.ts";
import type { ImageAnswer } from "../job.ts";
import type { Log } from "../log.ts";
import { gatewaysOf } from "./job_queue.ts";
import { GROUP, type ShardKeys } from "./keys.ts";
import { type Call, runScript, runScripts, Script } from "./script.ts";
import { BEGIN, BURY, PROGRESS, SETTLE } from "./scripts/worker.ts";
import type { Shard } from "./shard.ts";

const beginScript = new Script(BEGIN);
const settleScript = new Script(SETTLE);
const buryScript = new Script(BURY);
const progressScript = new Script(PROGRESS);

/** Image bytes that a model's dead letters may hold. */
export const DEAD_BYTES_MAX = 67_108_864;

/**
 * Bytes of answers that a job which goes on keeps in Redis, for those who join late and for its
 * next attempt. Answers beyond are told as they come, and are in the record with the outcome.
 */
export const PARTIAL_BYTES_MAX = 131_072;

export interface AttemptsParts {
  readonly shard: Shard;
  /** Name of this consumer in the group. */
  readonly consumer: string;
  /** `WEIR_ATTEMPTS_MAX`. */
  readonly attemptsMax: number;
  /** Image bytes that a model's dead letters may hold. */
  readonly deadBytesMax?: number;
  /** Bytes of answers kept of a job that goes on. */
  readonly partialBytesMax?: number;
  readonly log: Log;
}

export class Attempts {
  readonly #parts: AttemptsParts;
  readonly #shard: Shard;
  readonly #keys: ShardKeys;

  constructor(parts: AttemptsParts) {
    this.#parts = parts;
    this.#shard = parts.shard;
    this.#keys = parts.shard.keys;
  }

  async begin(deliveries: readonly Delivery[]): Promise<Verdict[]> {
    const verdicts = new Map<Delivery, Verdict>();
    const followed: Progress[] = [];
    for (
      const [stream, group] of Map.groupBy(deliveries, (d) => this.#keys.jobs(d.model, d.lane))
    ) {
      const reply = await runScript(
        this.#shard,
        beginScript,
        [stream, this.#keys.load(group[0]!.model), ...group.map(({ id }) => this.#keys.job(id))],
        [
          GROUP,
          this.#parts.consumer,
          group[0]!.lane,
          this.#parts.attemptsMax,
          ...group.flatMap(({ entry, images, bytes }) => [entry, images.length, bytes]),
        ],
      );
      group.forEach((delivery, i) => {
        const verdict = (reply as VerdictReply[])[i]!;
        verdicts.set(delivery, verdictOf(verdict));
        if (verdict[0] !== "run" || verdict[4] === 0) return;
        const [, , tell, from] = verdict;
        followed.push({ delivery, tell, from, answers: [] });
      });
    }
    await this.#tellBegun(followed);
    return deliveries.map((delivery) => verdicts.get(delivery)!);
  }

  /** What is not told now is told with the next news of the job. */
  async #tellBegun(followed: readonly Progress[]): Promise<void> {
    try {
      await this.progress(followed);
    } catch (error) {
      this.#parts.log.debug("beginning cannot be told", { error: String(error) });
    }
  }

  async progress(made: readonly Progress[]): Promise<void> {
    const replies = await runScripts(
      this.#shard,
      progressScript,
      made.map((progress) => this.#progressCall(progress)),
    );
    // A gateway joined in between: once more, with its stream among the keys.
    const joined = made.flatMap((progress, i) => {
      const [kind, more] = replies[i] as [string, string];
      return kind === "retell" ? [{ ...progress, tell: more }] : [];
    });
    if (joined.length > 0) await this.progress(joined);
  }

  async settle(done: readonly Finished[]): Promise<Settled[]> {
    const plain = done.filter(({ outcome }) => outcome.state !== "dead");
    const replies = new Map<Finished, unknown>();
    const noted = imagesToNote(plain);
    const settled = await runScripts(
      this.#shard,
      settleScript,
      plain.map((finished) => this.#settleCall(finished, noted.get(finished))),
    );
    plain.forEach((finished, i) => replies.set(finished, settled[i]));
    for (const finished of done) {
      if (finished.outcome.state !== "dead") continue;
      const { keys, args } = this.#buryCall(finished, finished.outcome);
      replies.set(finished, await runScript(this.#shard, buryScript, keys, args));
    }
    return await Promise.all(
      done.map((finished) => this.#settled(finished, replies.get(finished))),
    );
  }

  async #settled(finished: Finished, reply: unknown): Promise<Settled> {
    const [kind, more] = reply as [string, string | undefined];
    if (kind === "late") return "late";
    if (kind !== "retell") return kind as Settled;
    // A gateway joined since `begin`: once more, with its stream among the keys.
    const [settled] = await this.settle([{ ...finished, tell: more ?? "" }]);
    return settled!;
  }

  #progressCall({ delivery, tell, from, answers }: Progress): Call {
    const { id, model, lane, entry } = delivery;
    const { consumer, partialBytesMax = PARTIAL_BYTES_MAX } = this.#parts;
    return {
      keys: [this.#keys.jobs(model, lane), this.#keys.job(id), ...this.#resultKeys(tell)],
      args: [
        ...[GROUP, consumer, entry, id, tell, partialBytesMax, from],
        ...answers.map(textOf),
      ],
    };
  }

  #settleCall(finished: Finished, noted: number | undefined): Call {
    const { delivery, tell, outcome } = finished;
    return {
      keys: [...this.#jobKeys(delivery), ...this.#resultKeys(tell)],
      args: [...this.#jobArgs(finished, noted), ...outcomeArgs(outcome, delivery)],
    };
  }

  #buryCall(finished: Finished, { error, attempts }: Outcome & { state: "dead" }): Call {
    const { delivery, tell } = finished;
    const { model, top, images } = delivery;
    return {
      keys: [
        ...this.#jobKeys(delivery),
        this.#keys.dead(model),
        this.#keys.deadBytes(model),
        this.#keys.deadIndex(),
        ...this.#resultKeys(tell),
      ],
      args: [
        ...this.#jobArgs(finished),
        JSON.stringify(error),
        this.#parts.deadBytesMax ?? DEAD_BYTES_MAX,
        model,
        ...["reason", error.detail, "attempts", attempts],
        ...(top === undefined ? [] : ["top", top]),
        ...images.flatMap((image) => ["image", Buffer.from(image)]),
      ],
    };
  }

  #jobKeys({ id, model, lane }: Delivery): string[] {
    return [
      this.#keys.jobs(model, lane),
      this.#keys.load(model),
      this.#keys.job(id),
      this.#keys.deadlines(),
    ];
  }

  #jobArgs({ delivery, tell }: Finished, noted = 0): (string | number)[] {
    const { id, lane, entry, images, bytes } = delivery;
    return [GROUP, this.#parts.consumer, lane, entry, images.length, bytes, noted, id, tell];
  }

  #resultKeys(tell: string): string[] {
    return gatewaysOf(tell).map((gateway) => this.#keys.results(gateway));
  }
}

/** What a batch has done is noted once for each model, with its last job. */
function imagesToNote(done: readonly Finished[]): Map<Finished, number> {
  const worked = done.filter(({ outcome }) => outcome.state !== "expired");
  const noted = new Map<Finished, number>();
  for (const group of Map.groupBy(worked, ({ delivery }) => delivery.model).values()) {
    noted.set(group.at(-1)!, group.reduce((sum, { delivery }) => sum + delivery.images.length, 0));
  }
  return noted;
}

/** The outcome's state, names and values for the record after their number, then the answers. */
function outcomeArgs(outcome: Outcome, { images }: Delivery): (string | number)[] {
  if (outcome.state === "dead") throw new TypeError("a dead letter is buried, not settled");
  const fields: (string | number)[] = [];
  if (outcome.state === "failed") fields.push("error", JSON.stringify(outcome.error));
  const { decodeMs, inferMs } = outcome.timings;
  if (decodeMs !== undefined) fields.push("decodeMs", decodeMs);
  if (inferMs !== undefined) fields.push("inferMs", inferMs);
  const args = [outcome.state, fields.length, ...fields];
  if (outcome.state !== "succeeded") return args;
  // An attempt that goes on where another ended answers the last images.
  const { results } = outcome;
  return [...args, images.length - results.length, ...results.map(textOf)];
}

/** An answer as the record has it. */
function textOf(answer: ImageAnswer): string {
  return JSON.stringify(answer);
}

type VerdictReply =
  | ["run", attempt: number, tell: string, done: number, followed: 0 | 1]
  | ["expired", string]
  | ["spent", string, number]
  | ["drop", string]
  | ["lost"];

function verdictOf(reply: VerdictReply): Verdict {
  switch (reply[0]) {
    case "run":
      return {
        kind: "run",
        attempt: reply[1],
        tell: reply[2],
        ...(reply[3] > 0 && { done: reply[3] }),
      };
    case "expired":
      return { kind: "expired", tell: reply[1] };
    case "spent":
      return { kind: "spent", tell: reply[1], attempts: reply[2] };
    case "drop":
      return { kind: "drop", reason: reply[1] };
    case "lost":
      return { kind: "lost" };
  }
}
