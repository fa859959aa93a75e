/**
 * The worker's side of the broker: reads deliveries of its consumer group and settles them.
 *
 * Owns a blocking connection for the reads; borrows its one shard for the scripts.
 * Invariant: a delivery is acknowledged only in the step that also writes its outcome, or that
 * finds there is nothing to write.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import type { Delivery, Finished, JobSource, Lane, Progress, Settled, Verdict } from "../broker.ts";
import type { Clock } from "../clock.ts";
import type { Work } from "../story.ts";
import { Attempts, type AttemptsParts } from "./attempts.ts";
import type { BlockingConnection } from "./blocking_connection.ts";
import { replyCode, unavailable } from "./connection.ts";
import { parseEntry } from "./entry.ts";
import { GROUP, LANES, type ShardKeys } from "./keys.ts";
import { runScript, runScripts, Script } from "./script.ts";
import { factText } from "./story.ts";
import { LEAVE, LONGEST_IDLE } from "./scripts/consumer.ts";
import { HAND_BACK, RETRY } from "./scripts/attempt.ts";

const retryScript = new Script(RETRY);
const handBackScript = new Script(HAND_BACK);
const leaveScript = new Script(LEAVE);
const longestIdleScript = new Script(LONGEST_IDLE);

/** Pending entries looked at for the longest silence. */
const PENDING_LOOK = 100;

/** Reply of XREADGROUP: streams with their entries, each a list of names and values. */
type StreamsReply = [stream: Buffer, entries: [id: Buffer, fields: Buffer[] | null][]][] | null;

export interface RedisJobSourceParts extends AttemptsParts {
  /** Names of the models this worker serves. */
  readonly models: readonly string[];
  /** `WEIR_CLAIM_IDLE_MS`. */
  readonly claimIdleMs: number;
  /** `WEIR_BLOCK_MS`. */
  readonly blockMs: number;
  readonly clock: Clock;
}

export class RedisJobSource implements JobSource, Disposable {
  readonly #parts: RedisJobSourceParts;
  readonly #keys: ShardKeys;
  readonly #blocking: BlockingConnection;
  readonly #attempts: Attempts;
  /** What each stream of this worker holds, by its key. */
  readonly #streams: ReadonlyMap<string, Lane>;

  constructor(parts: RedisJobSourceParts) {
    this.#parts = parts;
    this.#keys = parts.shard.keys;
    this.#attempts = new Attempts(parts);
    this.#blocking = parts.shard.blocking("jobs");
    this.#streams = new Map(
      parts.models.flatMap((model) =>
        this.#keys.lanes(model).map((stream, lane) => [stream, { model, lane }])
      ),
    );
  }

  get lanes(): readonly Lane[] {
    return [...this.#streams.values()];
  }

  get interruptible(): boolean {
    return this.#blocking.unblockable;
  }

  /** Creates missing streams and groups: from the start, so that nothing is passed over. */
  async open(): Promise<void> {
    await this.#parts.shard.run(async (client) => {
      const pipeline = client.pipeline();
      for (const stream of this.#streams.keys()) {
        pipeline.xgroup("CREATE", stream, GROUP, "0", "MKSTREAM");
      }
      for (const [error] of await pipeline.exec() ?? []) {
        if (error && replyCode(error) !== "BUSYGROUP") throw error;
      }
    });
  }

  async read(
    count: number,
    signal: AbortSignal,
    lanes: readonly Lane[] = this.lanes,
  ): Promise<Delivery[]> {
    if (signal.aborted) return [];
    const { shard } = this.#parts;
    let unblocked: Promise<void> | undefined;
    const unblock = () =>
      unblocked = this.#blocking.unblock((...command) => shard.onServer(...command));
    signal.addEventListener("abort", unblock, { once: true });
    try {
      return await this.#readGroup(count, lanes, this.#parts.blockMs);
    } catch (error) {
      if (signal.aborted) return [];
      throw error;
    } finally {
      signal.removeEventListener("abort", unblock);
      await unblocked;
    }
  }

  readNow(count: number, lanes: readonly Lane[]): Promise<Delivery[]> {
    return this.#readGroup(count, lanes);
  }

  /** One read of several streams; without a time to block, of what they have now. */
  async #readGroup(
    count: number,
    lanes: readonly Lane[],
    blockMs?: number,
  ): Promise<Delivery[]> {
    const { consumer, log } = this.#parts;
    const group = ["GROUP", GROUP, consumer, "COUNT", count] as const;
    const keys = lanes.map(({ model, lane }) => this.#keys.jobs(model, lane));
    const streams = ["STREAMS", ...keys, ...keys.map(() => ">")] as const;
    try {
      const reply = await this.#blocking.read(
        blockMs ?? 0,
        (client) =>
          blockMs === undefined
            ? client.xreadgroupBuffer(...group, ...streams)
            : client.xreadgroupBuffer(...group, "BLOCK", blockMs, ...streams),
      );
      return await this.#deliveries(reply as StreamsReply);
    } catch (error) {
      if (!LOST_GROUP.has(replyCode(error))) throw unavailable(error);
      log.warn("consumer group is gone, creating it again");
      await this.open();
      return [];
    }
  }

  async #deliveries(reply: StreamsReply): Promise<Delivery[]> {
    const { shard } = this.#parts;
    const deliveries: Delivery[] = [];
    for (const [stream, entries] of reply ?? []) {
      const origin = this.#streams.get(stream.toString());
      if (origin === undefined) continue;
      for (const [id, fields] of entries) {
        const entry = id.toString();
        const delivery = parseEntry({ ...origin, shard: shard.number, entry }, fields ?? []);
        if (delivery !== undefined) deliveries.push(delivery);
        else await this.#discard(stream.toString(), entry);
      }
    }
    return deliveries;
  }

  /** Removes an entry that somebody else put into a job stream. */
  async #discard(stream: string, entry: string): Promise<void> {
    const { shard, log } = this.#parts;
    log.warn("entry is not a job, removing it", { stream, entry });
    await shard.run((client) =>
      client.multi().xack(stream, GROUP, entry).xdel(stream, entry).exec()
    );
  }

  begin(deliveries: readonly Delivery[]): Promise<Verdict[]> {
    return this.#attempts.begin(deliveries);
  }

  progress(made: readonly Progress[]): Promise<void> {
    return this.#attempts.progress(made);
  }

  settle(done: readonly Finished[]): Promise<Settled[]> {
    return this.#attempts.settle(done);
  }

  async retry(
    { id, model, lane, entry }: Delivery,
    delayMs: number,
    work?: Work,
  ): Promise<boolean> {
    const { shard, consumer, claimIdleMs } = this.#parts;
    const keys = [this.#keys.jobs(model, lane), this.#keys.job(id)];
    const idleMs = Math.max(0, claimIdleMs - Math.round(delayMs));
    const fact = factText({ kind: "put_off", worker: consumer, delayMs, ...(work && { work }) });
    return await runScript(shard, retryScript, keys, [GROUP, consumer, entry, idleMs, fact]) === 1;
  }

  async handBack(deliveries: readonly Delivery[]): Promise<number> {
    const { shard, consumer } = this.#parts;
    const calls = deliveries.map(({ id, model, lane, entry, images, bytes }) => ({
      keys: [this.#keys.jobs(model, lane), this.#keys.load(model), this.#keys.job(id)],
      args: [GROUP, consumer, lane, entry, images.length, bytes],
    }));
    const replies = await runScripts(shard, handBackScript, calls);
    return replies.filter((reply) => reply === 1).length;
  }

  async longestIdle(): Promise<number> {
    const { shard, models, claimIdleMs } = this.#parts;
    const loads = models.map((model) => this.#keys.load(model));
    // Submits make it, and it goes only when all streams of the model are empty.
    if (await shard.run((client) => client.exists(loads)) === 0) return 0;
    const keys = models.flatMap((model) => [this.#keys.load(model), ...this.#keys.lanes(model)]);
    const args = [GROUP, Math.round(claimIdleMs / 2), PENDING_LOOK, LANES];
    return await runScript(shard, longestIdleScript, keys, args) as number;
  }

  async *claim(signal: AbortSignal): AsyncIterable<Delivery> {
    const { shard, consumer, claimIdleMs } = this.#parts;
    for (const [stream, origin] of this.#streams) {
      let cursor = "0-0";
      do {
        const from = cursor;
        const reply = await shard.run((client) =>
          client.callBuffer("XAUTOCLAIM", [
            stream,
            GROUP,
            consumer,
            claimIdleMs,
            from,
            "COUNT",
            1,
          ])
        );
        const [next, entries] = reply as [Buffer, [Buffer, Buffer[] | null][]];
        cursor = next.toString();
        for (const [id, fields] of entries) {
          const entry = id.toString();
          const delivery = parseEntry({ ...origin, shard: shard.number, entry }, fields ?? []);
          if (delivery !== undefined) yield delivery;
          else await this.#discard(stream, entry);
        }
      } while (cursor !== "0-0" && !signal.aborted);
    }
  }

  async leave(): Promise<void> {
    const args = [GROUP, this.#parts.consumer];
    const calls = [...this.#streams.keys()].map((stream) => ({ keys: [stream], args }));
    await runScripts(this.#parts.shard, leaveScript, calls);
  }

  [Symbol.dispose](): void {
    this.#blocking[Symbol.dispose]();
  }
}

/** Reply codes that mean: create the group again. */
const LOST_GROUP = new Set(["NOGROUP", "UNBLOCKED"]);
