/**
 * The thread behind `heartbeat.ts`: beats for what is held, and ends a process that is stuck.
 *
 * @module
 */
import process from "node:process";
import { parentPort } from "node:worker_threads";
import { systemClock } from "../shared/clock.ts";
import { BlockingConnection } from "../shared/redis/blocking_connection.ts";
import { GROUP, ShardKeys } from "../shared/redis/keys.ts";
import { runScripts, Script } from "../shared/redis/script.ts";
import { HOLD } from "../shared/redis/scripts/consumer.ts";
import { BEATS_A_CLAIM, type HeartbeatMessage } from "./heartbeat.ts";

const holdScript = new Script(HOLD);

type Open = HeartbeatMessage & { kind: "open" };
type Hold = HeartbeatMessage & { kind: "hold" };

/** One heart, from `open` to `close`. */
class Heart {
  readonly #options: Open;
  readonly #keys: readonly ShardKeys[];
  readonly #connection: BlockingConnection;
  readonly #stop = new AbortController();
  readonly #stopped: Promise<void>;
  #hold: Hold = { kind: "hold", running: false, held: [] };
  #heardAt = systemClock.now();
  /** When the batch that runs now began. */
  #batchAt = systemClock.now();

  constructor(options: Open) {
    this.#options = options;
    const { settings, shards } = options;
    this.#keys = Array.from({ length: shards }, (_, shard) => new ShardKeys(shard, shards));
    this.#connection = new BlockingConnection(settings, "heartbeat", systemClock);
    this.#stopped = this.#run();
  }

  hear(hold: Hold): void {
    if (hold.running && !this.#hold.running) this.#batchAt = systemClock.now();
    this.#hold = hold;
    this.#heardAt = systemClock.now();
  }

  async #run(): Promise<void> {
    const { claimIdleMs, inferTimeoutMs } = this.#options;
    const periodMs = Math.min(claimIdleMs / BEATS_A_CLAIM, inferTimeoutMs);
    while (!this.#stop.signal.aborted) {
      await systemClock.sleep(periodMs, this.#stop.signal);
      const now = systemClock.now();
      if (this.#hold.running && now - this.#batchAt > inferTimeoutMs) die(inferTimeoutMs);
      const progressing = this.#hold.running || now - this.#heardAt < claimIdleMs;
      if (progressing) await this.#beat();
    }
  }

  async #beat(): Promise<void> {
    for (const [shard, held] of Map.groupBy(this.#hold.held, ({ shard }) => shard)) {
      const keys = this.#keys[shard]!;
      const streams = Map.groupBy(held, ({ model, lane }) => keys.jobs(model, lane));
      const calls = [...streams].map(([stream, own]) => ({
        keys: [stream],
        args: [GROUP, this.#options.consumer, ...own.map(({ entry }) => entry)],
      }));
      // One that fails is made up for by the next beat, or the jobs go to another worker: where one
      // shard's server is away, those of the others do not.
      await runScripts(this.#connection, holdScript, calls).catch(() => {});
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#stopped;
    this.#connection[Symbol.dispose]();
  }
}

/** The main thread is blocked: nothing gentler reaches it. */
function die(inferTimeoutMs: number): void {
  process.stderr.write(`weir: a batch took longer than ${inferTimeoutMs} ms, ending the worker\n`);
  process.kill(process.pid, "SIGKILL");
}

let heart: Heart | undefined;

parentPort!.on("message", async (message: HeartbeatMessage) => {
  switch (message.kind) {
    case "open":
      heart = new Heart(message);
      return parentPort!.postMessage("open");
    case "hold":
      heart?.hear(message);
      return;
    case "close":
      await heart?.close();
      parentPort!.postMessage("closed");
  }
});
