/**
 * A real master with a replica, watched by three real sentinels, on the loopback interface.
 *
 * @module
 */
import { Redis } from "ioredis";
import { freePort, RedisServer, spawnOnLifeline } from "../redis_server.ts";
import { linesOf } from "../lines.ts";
import { freeze, serverPid } from "./redis.ts";

const SENTINELS = 3;
const QUORUM = 2;

/** Name under which the sentinels know the master. */
const MASTER = "main";

/** Silence after which a sentinel takes the master for dead. */
const DOWN_AFTER_MS = 1_000;

export class Sentinels implements AsyncDisposable {
  readonly #ports: readonly number[];
  readonly #password: string;
  /** The servers' clients, the first master first. */
  readonly #servers: readonly Redis[];
  readonly #owned: AsyncDisposableStack;

  private constructor(
    ports: readonly number[],
    password: string,
    servers: readonly Redis[],
    owned: AsyncDisposableStack,
  ) {
    this.#ports = ports;
    this.#password = password;
    this.#servers = servers;
    this.#owned = owned;
  }

  /** Starts them all, and waits until every sentinel knows the replica and the others. */
  static async start(): Promise<Sentinels> {
    await using owned = new AsyncDisposableStack();
    const password = crypto.randomUUID();
    const [master, replica] = [
      await startServer(password, owned),
      await startServer(password, owned),
    ];
    await replica.replicaof("127.0.0.1", portOf(master));
    const ports: number[] = [];
    for (let i = 0; i < SENTINELS; i++) {
      ports.push(await startSentinel(portOf(master), password, owned));
    }
    for (const port of ports) await untilWatched(port);
    return new Sentinels(ports, password, [master, replica], owned.move());
  }

  /** `REDIS_URL` for them. */
  get url(): string {
    const sentinels = this.#ports.map((port) => `127.0.0.1:${port}`);
    return `redis-sentinel://:${this.#password}@${sentinels.join(",")}/${MASTER}`;
  }

  /** A client of whoever is master now. */
  async master(): Promise<Redis> {
    for (const server of this.#servers) {
      const role = await server.role().catch(() => []);
      if (role[0] === "master") return server;
    }
    throw new Error("there is no master");
  }

  /** Kills the master as a failing machine does, and waits until the replica has taken over. */
  async failOver(): Promise<void> {
    const [master, replica] = this.#servers as [Redis, Redis];
    Deno.kill(await serverPid(master), "SIGKILL");
    const role = async () => (await replica.role().catch(() => []))[0];
    while (await role() !== "master");
  }

  /** Stops all sentinels; they go on when disposed. */
  async freeze(): Promise<Disposable> {
    const frozen = new DisposableStack();
    for (const port of this.#ports) {
      const sentinel = sentinelClient(port);
      frozen.use(await freeze({ client: sentinel }));
      sentinel.disconnect();
    }
    return frozen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

async function startServer(password: string, owned: AsyncDisposableStack): Promise<Redis> {
  const server = owned.use(
    await RedisServer.start({
      executable: "redis-server",
      address: { port: freePort(), password },
      settings: {
        masterauth: password,
        hz: "100",
        "repl-diskless-sync-delay": "0",
        "repl-diskless-load": "swapdb",
      },
    }),
  );
  const client = new Redis(server.url, {
    retryStrategy: () => 20,
    maxRetriesPerRequest: 1,
    disconnectTimeout: 0,
  });
  client.on("error", () => {});
  owned.defer(() => client.disconnect());
  return client;
}

function portOf(client: Redis): number {
  return client.options.port!;
}

/** A sentinel keeps what it learns in its settings, so these stay as long as it runs. */
async function startSentinel(
  masterPort: number,
  password: string,
  owned: AsyncDisposableStack,
): Promise<number> {
  const folder = await Deno.makeTempDir();
  owned.defer(() => Deno.remove(folder, { recursive: true }));
  const port = freePort();
  const settings = `${folder}/sentinel.conf`;
  const lines = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${folder}`,
    `sentinel monitor ${MASTER} 127.0.0.1 ${masterPort} ${QUORUM}`,
    `sentinel auth-pass ${MASTER} ${password}`,
    `sentinel down-after-milliseconds ${MASTER} ${DOWN_AFTER_MS}`,
  ];
  await Deno.writeTextFile(settings, lines.map((line) => `${line}\n`).join(""));
  const process = spawnOnLifeline("redis-server", settings, "--sentinel");
  const output = (async () => {
    for await (const _ of linesOf(process.stdout));
  })();
  owned.defer(async () => {
    await process.stdin.close().catch(() => {});
    await Promise.all([process.status, output]);
  });
  return port;
}

function sentinelClient(port: number): Redis {
  const sentinel = new Redis({ port, retryStrategy: () => 20 });
  sentinel.on("error", () => {});
  return sentinel;
}

async function untilWatched(port: number): Promise<void> {
  const sentinel = sentinelClient(port);
  const count = async (what: string) =>
    (await sentinel.call("SENTINEL", what, MASTER) as unknown[]).length;
  while (await count("REPLICAS") < 1 || await count("SENTINELS") < SENTINELS - 1);
  sentinel.disconnect();
}
