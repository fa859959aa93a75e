/**
 * The worker's side of the broker: reads deliveries of its consumer group and settles them.
 *
 * Owns a blocking connection for the reads; borrows the command connection for the scripts.
 * Invariant: a delivery is acknowledged only in the step that also writes its outcome, or that
 * finds there is nothing to write.
 *
 * @module
 */
import type { Redis } from "ioredis";
import type { Delivery, Finished, JobSource, Outcome, Settled, Verdict } from "../broker.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { BlockingConnection } from "./blocking_connection.ts";
import { guarded, type RedisSettings, replyCode } from "./connection.ts";
import { parseEntry } from "./entry.ts";
import { gatewaysOf } from "./job_queue.ts";
import { GROUP, LANES, ShardKeys } from "./keys.ts";
import { runScript, runScripts, Script } from "./script.ts";
import { BEGIN, LEAVE, SETTLE } from "./scripts.ts";

const beginScript = new Script(BEGIN);
const settleScript = new Script(SETTLE);
const leaveScript = new Script(LEAVE);

/** Reply of XREADGROUP: streams with their entries, each a list of names and values. */
type StreamsReply = [stream: Buffer, entries: [id: Buffer, fields: Buffer[] | null][]][] | null;

export interface RedisJobSourceParts {
  readonly client: Redis;
  readonly settings: RedisSettings;
  readonly shard: number;
  /** Name of this consumer in the group. */
  readonly consumer: string;
  /** Names of the models this worker serves. */
  readonly models: readonly string[];
  /** `WEIR_BLOCK_MS`. */
  readonly blockMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

export class RedisJobSource implements JobSource, Disposable {
  readonly #parts: RedisJobSourceParts;
  readonly #keys: ShardKeys;
  readonly #blocking: BlockingConnection;
  /** What each stream of this worker holds, by its key. */
  readonly #streams = new Map<string, { model: string; lane: number }>();

  constructor(parts: RedisJobSourceParts) {
    this.#parts = parts;
    this.#keys = new ShardKeys(parts.shard);
    this.#blocking = new BlockingConnection(parts.settings, "jobs", parts.clock);
    for (const model of parts.models) {
      for (let lane = 0; lane < LANES; lane++) {
        this.#streams.set(this.#keys.jobs(model, lane), { model, lane });
      }
    }
  }

  /** Creates streams and groups where they are missing: from the start, so that nothing is passed over. */
  async open(): Promise<void> {
    for (const stream of this.#streams.keys()) {
      await guarded(this.#parts.client, async () => {
        try {
          await this.#parts.client.xgroup("CREATE", stream, GROUP, "0", "MKSTREAM");
        } catch (error) {
          if (replyCode(error) !== "BUSYGROUP") throw error;
        }
      });
    }
  }

  async read(count: number, signal: AbortSignal): Promise<Delivery[]> {
    if (signal.aborted) return [];
    let unblocked: Promise<void> | undefined;
    const unblock = () => unblocked = this.#blocking.unblock(this.#parts.client);
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
    const deliveries: Delivery[] = [];
    for (const [stream, entries] of reply ?? []) {
      const origin = this.#streams.get(stream.toString());
      if (origin === undefined) continue;
      for (const [id, fields] of entries) {
        const entry = id.toString();
        const delivery = parseEntry({ ...origin, entry }, fields ?? []);
        if (delivery !== undefined) deliveries.push(delivery);
        else await this.#discard(stream.toString(), entry);
      }
    }
    return deliveries;
  }

  /** Removes an entry that somebody else put into a job stream. */
  async #discard(stream: string, entry: string): Promise<void> {
    const { client, log } = this.#parts;
    log.warn("entry is no job, removing it", { stream, entry });
    await guarded(
      client,
      () => client.multi().xack(stream, GROUP, entry).xdel(stream, entry).exec(),
    );
  }

  async begin(deliveries: readonly Delivery[]): Promise<Verdict[]> {
    const verdicts = new Map<Delivery, Verdict>();
    for (
      const [stream, group] of Map.groupBy(deliveries, (d) => this.#keys.jobs(d.model, d.lane))
    ) {
      const reply = await runScript(
        this.#parts.client,
        beginScript,
        [stream, this.#keys.load(group[0]!.model), ...group.map(({ id }) => this.#keys.job(id))],
        [GROUP, this.#parts.consumer, ...group.flatMap(({ entry, bytes }) => [entry, bytes])],
      );
      group.forEach((delivery, i) => {
        verdicts.set(delivery, verdictOf((reply as VerdictReply[])[i]!));
      });
    }
    return deliveries.map((delivery) => verdicts.get(delivery)!);
  }

  async settle(done: readonly Finished[]): Promise<Settled[]> {
    const replies = await runScripts(
      this.#parts.client,
      settleScript,
      done.map((finished) => this.#settleCall(finished)),
    );
    return await Promise.all(done.map(async (finished, i) => {
      const [kind, more] = replies[i] as [string, string | undefined];
      if (kind === "late") return "late";
      if (kind !== "retell") return kind as Settled;
      // A gateway joined since `begin`: once more, with its stream among the keys.
      const [settled] = await this.settle([{ ...finished, tell: more ?? "" }]);
      return settled!;
    }));
  }

  #settleCall({ delivery, tell, outcome }: Finished): {
    keys: string[];
    args: (string | number)[];
  } {
    const { id, model, lane, entry, bytes } = delivery;
    return {
      keys: [
        this.#keys.jobs(model, lane),
        this.#keys.load(model),
        this.#keys.job(id),
        this.#keys.deadlines(),
        ...gatewaysOf(tell).map((gateway) => this.#keys.results(gateway)),
      ],
      args: [
        GROUP,
        this.#parts.consumer,
        entry,
        bytes,
        id,
        tell,
        ...outcomeFields(outcome, delivery),
      ],
    };
  }

  async leave(): Promise<void> {
    for (const stream of this.#streams.keys()) {
      await runScript(this.#parts.client, leaveScript, [stream], [GROUP, this.#parts.consumer]);
    }
  }

  [Symbol.dispose](): void {
    this.#blocking[Symbol.dispose]();
  }
}

/** Reply codes that mean: create the group again. */
const LOST_GROUP = new Set(["NOGROUP", "UNBLOCKED"]);

type VerdictReply =
  | ["run", number, string]
  | ["expired", string]
  | ["drop", string]
  | ["lost"];

function verdictOf(reply: VerdictReply): Verdict {
  switch (reply[0]) {
    case "run":
      return { kind: "run", attempt: reply[1], tell: reply[2] };
    case "expired":
      return { kind: "expired", tell: reply[1] };
    case "drop":
      return { kind: "drop", reason: reply[1] };
    case "lost":
      return { kind: "lost" };
  }
}

/** The outcome's state, then names and values for the record. */
function outcomeFields(outcome: Outcome, delivery: Delivery): (string | number)[] {
  const fields: (string | number)[] = [outcome.state];
  if (outcome.state === "succeeded") {
    fields.push("results", JSON.stringify(outcome.results), "done", delivery.images.length);
  } else if (outcome.state === "failed") {
    fields.push("error", JSON.stringify(outcome.error));
  }
  const { decodeMs, inferMs } = outcome.timings;
  if (decodeMs !== undefined) fields.push("decodeMs", decodeMs);
  if (inferMs !== undefined) fields.push("inferMs", inferMs);
  return fields;
}
