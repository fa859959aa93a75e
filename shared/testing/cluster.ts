/**
 * A real Redis Cluster of three masters on the loopback interface, whose slots can be moved.
 *
 * @module
 */
import calculateSlot from "cluster-key-slot";
import { Cluster, Redis } from "ioredis";
import assert from "node:assert/strict";
import { freePort, RedisServer } from "../redis_server.ts";
import { freeze, type TlsFiles, tlsSettings } from "./redis.ts";

const MASTERS = 3;
const SLOTS = 16_384;

/** Keys that one MIGRATE takes along. */
const MIGRATED_AT_ONCE = 10;
const MIGRATE_MS = 5_000;

interface Master {
  readonly server: RedisServer;
  readonly client: Redis;
  readonly busPort: number;
  /** Where Weir finds it: its own port, or that for TLS. */
  readonly port: number;
  /** Its name in the cluster. */
  readonly id: string;
}

export class TestCluster implements AsyncDisposable {
  /** Follows the slots by itself. */
  readonly client: Cluster;
  readonly #masters: readonly Master[];
  readonly #scheme: string;
  readonly #owned: AsyncDisposableStack;

  private constructor(masters: readonly Master[], scheme: string, owned: AsyncDisposableStack) {
    this.#masters = masters;
    this.#scheme = scheme;
    this.#owned = owned;
    const { password } = masters[0]!.server.address;
    this.client = new Cluster(masters.map(({ server }) => nodeOf(server)), {
      redisOptions: { password },
    });
  }

  /**
   * Starts the masters, makes them meet and shares the slots evenly.
   *
   * @param tls encrypts all that is said, but on the ports for the test
   */
  static async start(tls?: TlsFiles): Promise<TestCluster> {
    await using owned = new AsyncDisposableStack();
    const password = crypto.randomUUID();
    const masters: Master[] = [];
    for (let i = 0; i < MASTERS; i++) masters.push(await startMaster(password, tls, owned));
    for (const [i, { client }] of masters.entries()) {
      const [from, to] = [Math.ceil(i * SLOTS / MASTERS), Math.ceil((i + 1) * SLOTS / MASTERS) - 1];
      await client.cluster("ADDSLOTSRANGE", from, to);
    }
    const [first, ...others] = masters as [Master, ...Master[]];
    for (const { server: { address: { port } }, busPort } of others) {
      await first.client.cluster("MEET", "127.0.0.1", port, busPort);
    }
    for (const { client } of masters) await untilWhole(client);
    const scheme = tls === undefined ? "redis-cluster" : "rediss-cluster";
    return new TestCluster(masters, scheme, owned.move());
  }

  /** `REDIS_URL` for it. */
  get url(): string {
    const { password } = this.#masters[0]!.server.address;
    const nodes = this.#masters.map(({ port }) => `127.0.0.1:${port}`);
    return `${this.#scheme}://:${password}@${nodes.join(",")}`;
  }

  /** How many connections of a name each master has. */
  async connections(name: RegExp): Promise<number[]> {
    return await Promise.all(this.#masters.map(async ({ client }) => {
      const list = String(await client.client("LIST")).trim().split("\n");
      return list.filter((line) => name.test(/ name=(\S*)/.exec(line)?.[1] ?? "")).length;
    }));
  }

  /** Number of the master that has a key's slot. */
  async masterOf(key: string): Promise<number> {
    const slot = calculateSlot(key);
    const ranges = await this.#masters[0]!.client.cluster("SLOTS");
    const [, , node] = ranges.find(([from, to]) => from <= slot && slot <= to)!;
    return this.#masters.findIndex(({ id }) => id === node?.[2]);
  }

  /** Moves a key's slot to another master, as an operator's tool does: key by key, under load. */
  async move(key: string, to: number): Promise<void> {
    const slot = calculateSlot(key);
    const source = this.#masters[await this.masterOf(key)]!;
    const target = this.#masters[to]!;
    assert.notEqual(source, target);
    await target.client.cluster("SETSLOT", slot, "IMPORTING", source.id);
    await source.client.cluster("SETSLOT", slot, "MIGRATING", target.id);
    while (true) {
      const keys = await source.client.cluster("GETKEYSINSLOT", slot, MIGRATED_AT_ONCE) as string[];
      if (keys.length === 0) break;
      const { port, password } = target.server.address;
      const destination = ["127.0.0.1", String(port), "", "0", String(MIGRATE_MS)];
      await source.client.call("MIGRATE", ...destination, "AUTH", password, "KEYS", ...keys);
    }
    for (const { client } of [target, source, ...this.#masters]) {
      await client.cluster("SETSLOT", slot, "NODE", target.id);
    }
  }

  /** Stops a master's process, which goes on when this is disposed of. */
  async freeze(master: number): Promise<Disposable> {
    return await freeze(this.#masters[master]!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.disconnect();
    await this.#owned.disposeAsync();
  }
}

async function startMaster(
  password: string,
  tls: TlsFiles | undefined,
  owned: AsyncDisposableStack,
): Promise<Master> {
  const folder = await Deno.makeTempDir();
  owned.defer(() => Deno.remove(folder, { recursive: true }));
  const busPort = freePort();
  const tlsPort = freePort();
  const server = owned.use(
    await RedisServer.start({
      executable: "redis-server",
      folder,
      address: { port: freePort(), password },
      settings: {
        "cluster-enabled": "yes",
        "cluster-port": String(busPort),
        masterauth: password,
        hz: "100",
        ...(tls !== undefined && { ...tlsSettings(tlsPort, tls), "tls-cluster": "yes" }),
      },
    }),
  );
  const client = new Redis(server.url);
  owned.defer(() => client.disconnect());
  const port = tls === undefined ? server.address.port : tlsPort;
  return { server, client, busPort, port, id: await client.cluster("MYID") as string };
}

function nodeOf({ address: { port } }: RedisServer): { host: string; port: number } {
  return { host: "127.0.0.1", port };
}

/** Waits until a node knows who has every slot. */
async function untilWhole(client: Redis): Promise<void> {
  while (true) {
    const info = String(await client.cluster("INFO"));
    if (/cluster_state:ok/.test(info) && /cluster_known_nodes:3/.test(info)) return;
  }
}
