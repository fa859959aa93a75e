/**
 * The Redis that the systems under measurement share, and what it counts.
 *
 * Owns the server and one connection to look at its counters, whose own commands are left out.
 * Invariant: nothing of it is on disk after disposing.
 *
 * @module
 */
import { Redis } from "ioredis";
import { RedisServer } from "../shared/redis_server.ts";
import { TemporaryFolder } from "../shared/temporary_folder.ts";

/** What Redis does with what it was told: keeps it in memory alone, or writes it down each second. */
export type Persistence = "none" | "everysec";

/** Counters at one moment. */
export interface RedisCounters {
  /** Commands, those inside scripts included. */
  readonly commands: number;
  readonly calls: ReadonlyMap<string, number>;
  readonly cpuSeconds: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** What Redis holds. */
export interface RedisContents {
  readonly keys: number;
  readonly streams: number;
  /** Of all streams. */
  readonly entries: number;
  /** Of all groups. */
  readonly consumers: number;
}

/** Commands of the connection that looks. */
const OWN = /^(info|client|hello|auth|config|select|ping|monitor)/;

export class BenchRedis implements AsyncDisposable {
  readonly url: string;
  readonly #client: Redis;
  readonly #owned: AsyncDisposableStack;

  private constructor(url: string, client: Redis, owned: AsyncDisposableStack) {
    this.url = url;
    this.#client = client;
    this.#owned = owned;
  }

  static async start(executable: string, persistence: Persistence): Promise<BenchRedis> {
    await using owned = new AsyncDisposableStack();
    const { path: folder } = owned.use(await TemporaryFolder.make("weir-bench-"));
    const server = owned.use(
      await RedisServer.start({
        executable,
        ...(persistence === "everysec" && { folder, settings: { appendfsync: "everysec" } }),
      }),
    );
    const client = owned.adopt(new Redis(server.url), (client) => client.disconnect());
    return new BenchRedis(server.url, client, owned.move());
  }

  async counters(): Promise<RedisCounters> {
    const info = await this.#client.info("everything");
    const number = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(info)![1]);
    const calls = new Map<string, number>();
    for (const [, name, count] of info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
      if (!OWN.test(name!)) calls.set(name!, Number(count));
    }
    return {
      calls,
      commands: [...calls.values()].reduce((sum, count) => sum + count, 0),
      cpuSeconds: number("used_cpu_user") + number("used_cpu_sys"),
      bytesIn: number("total_net_input_bytes"),
      bytesOut: number("total_net_output_bytes"),
    };
  }

  /** How many commands clients send while `work` is under way: none of those inside scripts. */
  async sentDuring(work: () => Promise<unknown>): Promise<number> {
    let sent = 0;
    await this.#monitored(work, (name, source) => {
      if (source !== "lua" && !OWN.test(name)) sent++;
    });
    return sent;
  }

  /**
   * Commands of Weir's processes by role while `work` is under way, those of scripts with who ran
   * them.
   */
  async commandsDuring(work: () => Promise<unknown>): Promise<ReadonlyMap<string, number>> {
    const bySource = new Map<string, number>();
    let last = "";
    await this.#monitored(work, (_name, source) => {
      if (source !== "lua") last = source;
      bySource.set(last, (bySource.get(last) ?? 0) + 1);
    });
    const byRole = new Map<string, number>();
    const list = String(await this.#client.client("LIST"));
    for (const [, source, role] of list.matchAll(/ addr=(\S+) .* name=weir:(\w+):/g)) {
      byRole.set(role!, (byRole.get(role!) ?? 0) + (bySource.get(source!) ?? 0));
    }
    return byRole;
  }

  /** @param seen is told each command's name, in small letters, and its client: `lua` is a script */
  async #monitored(
    work: () => Promise<unknown>,
    seen: (name: string, source: string) => void,
  ): Promise<void> {
    const monitor = await this.#client.monitor();
    monitor.on("monitor", (_time: string, [name = ""]: string[], source: string) => {
      seen(name.toLowerCase(), source);
    });
    await work();
    monitor.disconnect();
  }

  /** Memory that it uses. */
  async memoryBytes(): Promise<number> {
    return Number(/^used_memory:(\d+)/m.exec(await this.#client.info("memory"))![1]);
  }

  async connections(): Promise<number> {
    return Number(/^connected_clients:(\d+)/m.exec(await this.#client.info("clients"))![1]);
  }

  /** What it holds. */
  async contents(): Promise<RedisContents> {
    const streams = await this.#streams();
    let [entries, consumers] = [0, 0];
    for (const stream of streams) {
      entries += await this.#client.xlen(stream);
      const groups = await this.#client.xinfo("GROUPS", stream) as (string | number)[][];
      for (const group of groups) consumers += Number(group[group.indexOf("consumers") + 1]);
    }
    return { keys: await this.#client.dbsize(), streams: streams.length, entries, consumers };
  }

  async #streams(): Promise<string[]> {
    const found = new Set<string>();
    let cursor = "0";
    do {
      const [next, keys] = await this.#client.scan(cursor, "COUNT", 1000, "TYPE", "stream");
      for (const key of keys) found.add(key);
      cursor = next;
    } while (cursor !== "0");
    return [...found];
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync();
  }
}
