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
import type { Delivery, Finished, JobSource, Progress, Settled, Verdict } from "../broker.ts";
import type { Clock } from "../clock.ts";
import { Attempts, type AttemptsParts } from "./attempts.ts";
import type { BlockingConnection } from "./blocking_connection.ts";
import { replyCode } from "./connection.ts";
import { parseEntry } from "./entry.ts";
import { GROUP, LANES, type ShardKeys } from "./keys.ts";
import { runScript, runScripts, Script } from "./script.ts";
import { HAND_BACK, LEAVE, RETRY } from "./scripts/worker.ts";

const retryScript = new Script(RETRY);
const handBackScript = new Script(HAND_BACK);
const leaveScript = new Script(LEAVE);

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
  readonly #streams = new Map<string, { model: string; lane: number }>();

  constructor(parts: RedisJobSourceParts) {
    this.#parts = parts;
    this.#keys = parts.shard.keys;
    this.#attempts = new Attempts(parts);
    this.#blocking = parts.shard.blocking("jobs");
    for (const model of parts.models) {
      for (let lane = 0; lane < LANES; lane++) {
        this.#streams.set(this.#keys.jobs(model, lane), { model, lane });
      }
    }
  }

  /** Creates streams and groups where they are missing: from the start, so that nothing is passed over. */
  async open(): Promise<void> {
    for (const stream of this.#streams.keys()) {
      await this.#parts.shard.run(async (client) => {
        try {
          await client.xgroup("CREATE", stream, GROUP, "0", "MKSTREAM");
        } catch (error) {
          if (replyCode(error) !== "BUSYGROUP") throw error;
        }
      });
    }
  }

  async read(count: number, signal: AbortSignal): Promise<Delivery[]> {
    if (signal.aborted) return [];
    const { shard } = this.#parts;
    let unblocked: Promise<void> | undefined;
    const unblock = () =>
      unblocked = this.#blocking.unblock((...command) => shard.onServer(...command));
    signal.addEventListener("abort", unblock, { once: true });
    try {
      const reply = await this.#readGroup(count);
      return await this.#deliveries(reply);
    } catch (error) {
      if (signal.aborted) return [];
      if (!LOST_GROUP.has(replyCode(error))) throw error;
      this.#parts.log.warn("consumer group is gone, creating it again");
      await this.open();
      return [];
    } finally {
      signal.removeEventListener("abort", unblock);
      await unblocked;
    }
  }

  async #readGroup(count: number): Promise<StreamsReply> {
    const { blockMs, consumer } = this.#parts;
    const streams = [...this.#streams.keys()];
    return await this.#blocking.read(blockMs, (client) =>
      client.xreadgroupBuffer(
        "GROUP",
        GROUP,
        consumer,
        "COUNT",
        // COUNT is per stream.
        Math.max(1, Math.floor(count / streams.length)),
        "BLOCK",
        blockMs,
        "STREAMS",
        ...streams,
        ...streams.map(() => ">"),
      )) as StreamsReply;
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
    log.warn("entry is no job, removing it", { stream, entry });
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

  async retry({ id, model, lane, entry }: Delivery, delayMs: number): Promise<boolean> {
    const { shard, consumer, claimIdleMs } = this.#parts;
    const keys = [this.#keys.jobs(model, lane), this.#keys.job(id)];
    const idleMs = Math.max(0, claimIdleMs - Math.round(delayMs));
    return await runScript(shard, retryScript, keys, [GROUP, consumer, entry, idleMs]) === 1;
  }

  async handBack(deliveries: readonly Delivery[]): Promise<number> {
    const { shard, consumer } = this.#parts;
    const calls = deliveries.map(({ id, model, lane, entry, bytes }) => ({
      keys: [this.#keys.jobs(model, lane), this.#keys.load(model), this.#keys.job(id)],
      args: [GROUP, consumer, entry, bytes],
    }));
    const replies = await runScripts(shard, handBackScript, calls);
    return replies.filter((reply) => reply === 1).length;
  }

  async longestIdle(atLeastMs: number): Promise<number | undefined> {
    const { shard } = this.#parts;
    let longest: number | undefined;
    for (const stream of this.#streams.keys()) {
      const pending = await shard.run((client) =>
        client.xpending(stream, GROUP, "IDLE", Math.round(atLeastMs), "-", "+", PENDING_LOOK)
      );
      for (const [, , idle] of pending as [string, string, number, number][]) {
        longest = Math.max(longest ?? 0, idle);
      }
    }
    return longest;
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
    for (const stream of this.#streams.keys()) {
      await runScript(this.#parts.shard, leaveScript, [stream], [GROUP, this.#parts.consumer]);
    }
  }

  [Symbol.dispose](): void {
    this.#blocking[Symbol.dispose]();
  }
}

/** Reply codes that mean: create the group again. */
const LOST_GROUP = new Set(["NOGROUP", "UNBLOCKED"]);
