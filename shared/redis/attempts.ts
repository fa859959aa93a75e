/**
 * What a worker writes of its attempts, from their beginning to their end: one atomic script for all
 * that a batch has of a stream, so that what they have in common costs Redis one command.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Delivery, Finished, Outcome, Progress, Settled, Verdict } from "../broker.ts";
import type { Log } from "../log.ts";
import { answerText } from "./answer.ts";
import { GROUP, type ShardKeys } from "./keys.ts";
import { type Call, runScript, runScripts, Script } from "./script.ts";
import { BEGIN, PROGRESS } from "./scripts/attempt.ts";
import { BURY, SETTLE } from "./scripts/outcome.ts";
import type { Shard } from "./shard.ts";
import { factText, namesIn } from "./story.ts";
import { verdictOf, type VerdictReply } from "./verdict.ts";

const beginScript = new Script(BEGIN);
const settleScript = new Script(SETTLE);
const buryScript = new Script(BURY);
const progressScript = new Script(PROGRESS);

/** Image bytes that a model's dead letters may hold. */
export const DEAD_BYTES_MAX = 67_108_864;

/** Jobs that one script ends: it takes some 30 µs of Redis for each. */
const SETTLED_AT_ONCE = 64;

/**
 * Bytes of answers that a job which goes on keeps in Redis, for those who join late and for its
 * next attempt. Answers beyond are told as they come, and are in the record with the outcome.
 */
const PARTIAL_BYTES_MAX = 131_072;

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
    const replies = new Map<Finished, unknown>();
    const plain = done.filter(({ outcome }) => outcome.state !== "dead");
    const groups = this.#groupsOf(plain);
    const noted = imagesToNote(groups);
    const settled = await runScripts(
      this.#shard,
      settleScript,
      groups.map((group) => this.#settleCall(group, noted.get(group) ?? 0)),
    );
    groups.forEach((group, i) =>
      group.forEach((finished, n) => replies.set(finished, (settled[i] as unknown[])[n]))
    );
    for (const finished of done) {
      if (finished.outcome.state !== "dead") continue;
      const { keys, args } = this.#buryCall(finished, finished.outcome);
      replies.set(finished, await runScript(this.#shard, buryScript, keys, args));
    }
    return await this.#settled(done, replies);
  }

  /** Where a gateway joined since `begin`: once more, with its stream among the keys. */
  async #settled(
    done: readonly Finished[],
    replies: ReadonlyMap<Finished, unknown>,
  ): Promise<Settled[]> {
    const kinds = done.map((finished) => replies.get(finished) as [Settled | "retell", string?]);
    const again = done.flatMap((finished, i) => {
      const [kind, tell = ""] = kinds[i]!;
      return kind === "retell" ? [{ ...finished, tell }] : [];
    });
    const retold = again.length === 0 ? [] : await this.settle(again);
    return kinds.map(([kind]) => kind === "retell" ? retold.shift()! : kind);
  }

  /** Jobs of one stream, as many as one script may hold up Redis for. */
  #groupsOf(done: readonly Finished[]): Finished[][] {
    const streams = Map.groupBy(done, ({ delivery: { model, lane } }) => `${lane} ${model}`);
    return [...streams.values()].flatMap((all) =>
      Array.from(
        { length: Math.ceil(all.length / SETTLED_AT_ONCE) },
        (_, i) => all.slice(i * SETTLED_AT_ONCE, (i + 1) * SETTLED_AT_ONCE),
      )
    );
  }

  #progressCall({ delivery, tell, from, answers }: Progress): Call {
    const { id, model, lane, entry } = delivery;
    const { consumer, partialBytesMax = PARTIAL_BYTES_MAX } = this.#parts;
    return {
      keys: [this.#keys.jobs(model, lane), this.#keys.job(id), ...this.#resultKeys(tell)],
      args: [
        ...[GROUP, consumer, entry, id, tell, partialBytesMax, from],
        ...answers.map(answerText),
      ],
    };
  }

  #settleCall(group: readonly Finished[], noted: number): Call {
    const { delivery } = group[0]!;
    return {
      keys: [
        ...this.#streamKeys(delivery),
        ...group.flatMap(({ delivery: { id }, tell }) => [
          this.#keys.job(id),
          ...this.#resultKeys(tell),
        ]),
      ],
      args: [
        ...this.#streamArgs(delivery, noted),
        ...group.flatMap((finished) => [
          ...jobArgs(finished.delivery, finished.tell),
          namesIn(finished.tell).length,
          ...outcomeArgs(finished, this.#endOf(finished)),
        ]),
      ],
    };
  }

  #buryCall(finished: Finished, { error, attempts }: Outcome & { state: "dead" }): Call {
    const { delivery, tell } = finished;
    const { model, version, top, images } = delivery;
    return {
      keys: [
        ...this.#streamKeys(delivery),
        this.#keys.job(delivery.id),
        this.#keys.dead(model),
        this.#keys.deadBytes(model),
        this.#keys.deadIndex(),
        ...this.#resultKeys(tell),
      ],
      args: [
        ...this.#streamArgs(delivery, 0),
        ...jobArgs(delivery, tell),
        this.#endOf(finished),
        JSON.stringify(error),
        this.#parts.deadBytesMax ?? DEAD_BYTES_MAX,
        model,
        ...["reason", error.detail, "attempts", attempts],
        ...(version === undefined ? [] : ["version", version]),
        ...(top === undefined ? [] : ["top", top]),
        ...images.flatMap((image) => ["image", Buffer.from(image)]),
      ],
    };
  }

  /** What the story says of an end. */
  #endOf({ outcome, work }: Finished): string {
    const { state } = outcome;
    const by = { by: this.#parts.consumer, role: "worker" } as const;
    return factText({
      kind: "ended",
      ...(state === "dead" ? { state: "failed", ...by, dead: true } : { state, ...by }),
      ...(state === "expired" && { delivery: outcome.delivery }),
      ...(work && { work }),
    });
  }

  #streamKeys({ model, lane }: Delivery): string[] {
    return [this.#keys.jobs(model, lane), this.#keys.load(model), this.#keys.deadlines()];
  }

  #streamArgs({ lane }: Delivery, noted: number): (string | number)[] {
    return [GROUP, this.#parts.consumer, lane, noted];
  }

  #resultKeys(tell: string): string[] {
    return namesIn(tell).map((gateway) => this.#keys.results(gateway));
  }
}

/** What a batch has done is noted once for each model, with its last jobs. */
function imagesToNote(groups: readonly Finished[][]): Map<Finished[], number> {
  const noted = new Map<Finished[], number>();
  for (const own of Map.groupBy(groups, ([first]) => first!.delivery.model).values()) {
    const worked = own.flat().filter(({ outcome }) => outcome.state !== "expired");
    noted.set(own.at(-1)!, worked.reduce((sum, { delivery }) => sum + delivery.images.length, 0));
  }
  return noted;
}

function jobArgs({ id, entry, images, bytes }: Delivery, tell: string): (string | number)[] {
  return [entry, images.length, bytes, id, tell];
}

/**
 * The outcome's state, its fact, names and values for the record after their number, then the
 * answers.
 */
function outcomeArgs(
  { outcome, delivery: { images } }: Finished,
  fact: string,
): (string | number)[] {
  if (outcome.state === "dead") throw new TypeError("a dead letter is buried, not settled");
  const fields: (string | number)[] = [];
  if (outcome.state === "failed") fields.push("error", JSON.stringify(outcome.error));
  if (outcome.state === "succeeded" && outcome.version !== undefined) {
    fields.push("version", outcome.version);
  }
  const { decodeMs, waitMs, inferMs, batchImages } = outcome.timings;
  if (decodeMs !== undefined) fields.push("decodeMs", decodeMs);
  if (waitMs !== undefined) fields.push("waitMs", waitMs);
  if (inferMs !== undefined) fields.push("inferMs", inferMs);
  if (batchImages !== undefined) fields.push("batchImages", batchImages);
  const args = [outcome.state, fact, fields.length, ...fields];
  if (outcome.state !== "succeeded") return args;
  // An attempt that goes on where another ended answers the last images.
  const { results } = outcome;
  const answers = results.map(answerText);
  return [...args, images.length - answers.length, answers.length, ...answers];
}
