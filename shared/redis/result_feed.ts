/**
 * A gateway's result stream on one shard, read by one blocked connection for all who wait in the
 * process.
 *
 * Owns the stream, its lifetime and the read's cursor. The stream dies by itself when the gateway
 * stops renewing it. Invariant: whenever news could have been missed, the feed says `gap`.
 *
 * @module
 */
import type { FeedItem, ResultFeed } from "../broker.ts";
import type { Clock } from "../clock.ts";
import { type JobId, parseJobId } from "../job.ts";
import type { Log } from "../log.ts";
import type { BlockingConnection } from "./blocking_connection.ts";
import { reconnectPause } from "./connection.ts";
import type { ShardKeys } from "./keys.ts";
import { eventsOf, parseRecord } from "./record.ts";
import { runScript, Script } from "./script.ts";
import { RENEW_FEED } from "./scripts/gateway.ts";
import type { Shard } from "./shard.ts";

const renewScript = new Script(RENEW_FEED);

/** Entries that one read takes at most: each tells of as much as one step of a worker. */
const READ_COUNT = 100;

/** How many renewals in a row may fail before the stream goes. */
const RENEWALS_A_LIFETIME = 3;

type FeedReply = [stream: string, entries: [id: string, fields: string[]][]][] | null;

export interface RedisResultFeedParts {
  readonly shard: Shard;
  readonly gateway: string;
  /** `WEIR_BLOCK_MS`. */
  readonly blockMs: number;
  /** `WEIR_REDIS_HEALTH_MS`: how often the stream is renewed. */
  readonly renewMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

export class RedisResultFeed implements ResultFeed {
  readonly #parts: RedisResultFeedParts;
  readonly #keys: ShardKeys;
  readonly #blocking: BlockingConnection;
  #cursor = "0";
  #opened = false;
  /** Set while outcomes may have been missed that no reader was told of. */
  #gap: string | undefined;

  constructor(parts: RedisResultFeedParts) {
    this.#parts = parts;
    this.#keys = parts.shard.keys;
    this.#blocking = parts.shard.blocking("results");
  }

  /**
   * Keeps the stream alive; to be called before the first read, and then every `renewMs`.
   * Where the stream was gone, the read under way is ended, so that the feed says `gap`.
   */
  async renew(): Promise<void> {
    const { shard, gateway, renewMs, log } = this.#parts;
    const created = await runScript(
      shard,
      renewScript,
      [this.#keys.results(gateway), this.#keys.gateways()],
      [RENEWALS_A_LIFETIME * renewMs, gateway],
    );
    if (created === null) return;
    log.debug("result stream created", { gateway });
    const first = !this.#opened;
    this.#opened = true;
    if (first) return;
    // All of a new stream is news, and its ids may lie below the old cursor.
    this.#cursor = "0";
    this.#gap = "result stream was gone";
    this.#blocking.interrupt();
  }

  async *items(signal: AbortSignal): AsyncIterable<FeedItem> {
    using _ = this.#blocking;
    signal.addEventListener("abort", () => this.#blocking.interrupt(), { once: true });
    let failures = 0;
    while (!signal.aborted) {
      let entries: string[][] = [];
      try {
        // Redis may be back without the stream: until it is made again, outcomes go nowhere.
        if (failures > 0) {
          await this.renew();
          await this.#followBack();
        }
        // What was missed is told before what comes next.
        entries = this.#gap === undefined ? await this.#read() : [];
        failures = 0;
      } catch (error) {
        this.#gap ??= error instanceof Error ? error.message : String(error);
        failures++;
      }
      if (signal.aborted) return;
      if (this.#gap !== undefined) {
        const reason = this.#gap;
        this.#gap = undefined;
        if (failures <= 1) this.#parts.log.warn("outcomes may have been missed", { reason });
        yield { kind: "gap", shard: this.#parts.shard.number, reason };
      }
      for (const event of entries.flatMap(eventsOf)) yield* this.#item(event);
      if (failures > 0) await this.#parts.clock.sleep(reconnectPause(failures), signal);
    }
  }

  /**
   * Goes back with the stream: a new master that has not received the last news, and whose clock is
   * behind, gives its own news ids below the cursor.
   */
  async #followBack(): Promise<void> {
    const stream = this.#keys.results(this.#parts.gateway);
    const [newest] = await this.#blocking.run((client) =>
      client.xrevrange(stream, "+", "-", "COUNT", 1)
    );
    const last = newest?.[0] ?? "0";
    if (!isBefore(last, this.#cursor)) return;
    this.#cursor = last;
    this.#gap ??= "result stream was set back";
  }

  async #read(): Promise<string[][]> {
    const { blockMs, gateway } = this.#parts;
    const reply = await this.#blocking.read(blockMs, (client) =>
      client.xread(
        "COUNT",
        READ_COUNT,
        "BLOCK",
        blockMs,
        "STREAMS",
        this.#keys.results(gateway),
        this.#cursor,
      )) as FeedReply;
    const entries = reply?.[0]?.[1] ?? [];
    const last = entries.at(-1);
    if (last !== undefined) this.#cursor = last[0];
    return entries.map(([, fields]) => fields);
  }

  async *#item(fields: Readonly<Record<string, string>>): AsyncIterable<FeedItem> {
    const id = parseJobId(fields.id ?? "");
    if (id === undefined) return;
    const record = parseRecord(id, fields.apart === undefined ? fields : await this.#fetch(id));
    if (record === undefined) return;
    const event = { id, record, from: Number(fields.from ?? 0) };
    yield { kind: "event", event, ours: fields.joined === undefined };
  }

  /** A record whose answers are too large to be told; nothing where it cannot be read. */
  async #fetch(id: JobId): Promise<Record<string, string>> {
    try {
      return await this.#parts.shard.run((client) => client.hgetall(this.#keys.job(id)));
    } catch (error) {
      this.#gap ??= error instanceof Error ? error.message : String(error);
      return {};
    }
  }

  /** Removes the stream: nobody waits here any more. */
  async close(): Promise<void> {
    const { shard, gateway } = this.#parts;
    await shard.run((client) =>
      client.multi()
        .del(this.#keys.results(gateway))
        .srem(this.#keys.gateways(), gateway)
        .exec()
    );
  }
}

/** Whether an entry's id, `MS` or `MS-NUMBER`, comes before another. */
function isBefore(one: string, other: string): boolean {
  const [ms = 0, number = 0] = one.split("-").map(Number);
  const [otherMs = 0, otherNumber = 0] = other.split("-").map(Number);
  return ms === otherMs ? number < otherNumber : ms < otherMs;
}
