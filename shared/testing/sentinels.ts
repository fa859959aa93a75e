/**
 * A real master with a replica, watched by three real sentinels, on the loopback interface.
 *
 * @module
 */
import { Redis } from "ioredis";
import { freePort, RedisServer, spawnOnLifeline } from "../redis_server.ts";
import { linesOf } from "../lines.ts";
import { freeze, serverPid, type TlsFiles, tlsSettings } from "./redis.ts";

const SENTINELS = 3;
const QUORUM = 2;

/** Name under which the sentinels know the master. */
const MASTER = "main";

/** Silence after which a sentinel takes the master for dead. */
const DOWN_AFTER_MS = 1_000;

/** How servers and sentinels are found that are not open to everybody. */
export interface SecureSentinels {
  /** Encrypts all that is said; beside it, each has a plain port for the test. */
  readonly tls: TlsFiles;
  /** Name, password and rights of the one who may ask the sentinels, as `ACL SETUSER` has them. */
  readonly user: string;
}

/** What servers and sentinels of one deployment have in common. */
interface Common {
  readonly password: string;
  readonly secure: SecureSentinels | undefined;
}

/** Where a server or sentinel listens. */
interface Ports {
  readonly plain: number;
  /** Where the others find it, and Weir. */
  readonly known: number;
}

export class Sentinels implements AsyncDisposable {
  readonly #ports: readonly Ports[];
  readonly #common: Common;
  /** The servers' clients, the first master first. */
  readonly #servers: readonly Redis[];
  readonly #owned: AsyncDisposableStack;

  private constructor(
    ports: readonly Ports[],
    common: Common,
    servers: readonly Redis[],
    owned: AsyncDisposableStack,
  ) {
    this.#ports = ports;
    this.#common = common;
    this.#servers = servers;
    this.#owned = owned;
  }

  /** Starts them all, and waits until every sentinel knows the replica and the others. */
  static async start(secure?: SecureSentinels): Promise<Sentinels> {
    await using owned = new AsyncDisposableStack();
    const common = { password: crypto.randomUUID(), secure };
    const masterPorts = newPorts(common);
    const master = await startServer(masterPorts, common, owned);
    const replica = await startServer(newPorts(common), common, owned);
    await replica.replicaof("127.0.0.1", masterPorts.known);
    const ports: Ports[] = [];
    for (let i = 0; i < SENTINELS; i++) {
      ports.push(await startSentinel(masterPorts.known, common, owned));
    }
    for (const { plain } of ports) await untilWatched(plain, common);
    return new Sentinels(ports, common, [master, replica], owned.move());
  }

  /** `REDIS_URL` for them, without who asks the sentinels. */
  get url(): string {
    const { password, secure } = this.#common;
    const sentinels = this.#ports.map(({ known }) => `127.0.0.1:${known}`);
    const scheme = secure === undefined ? "redis-sentinel" : "rediss-sentinel";
    return `${scheme}://:${password}@${sentinels.join(",")}/${MASTER}`;
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
    for (const { plain } of this.#ports) {
      const sentinel = sentinelClient(plain, this.#common);
      frozen.use(await freeze({ client: sentinel }));
      sentinel.disconnect();
    }
    return frozen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

function newPorts({ secure }: Common): Ports {
  const plain = freePort();
  return { plain, known: secure === undefined ? plain : freePort() };
}

/** Settings with which a server or sentinel speaks TLS at its known port, where it is to. */
function secureSettings({ known }: Ports, { secure }: Common): Record<string, string> {
  return secure === undefined ? {} : tlsSettings(known, secure.tls);
}

async function startServer(
  ports: Ports,
  common: Common,
  owned: AsyncDisposableStack,
): Promise<Redis> {
  const { password } = common;
  const server = owned.use(
    await RedisServer.start({
      executable: "redis-server",
      address: { port: ports.plain, password },
      settings: {
        masterauth: password,
        hz: "100",
        "repl-diskless-sync-delay": "0",
        "repl-diskless-load": "swapdb",
        ...secureSettings(ports, common),
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

/** A sentinel keeps what it learns in its settings, so these stay as long as it runs. */
async function startSentinel(
  masterPort: number,
  common: Common,
  owned: AsyncDisposableStack,
): Promise<Ports> {
  const folder = await Deno.makeTempDir();
  owned.defer(() => Deno.remove(folder, { recursive: true }));
  const { password, secure } = common;
  const ports = newPorts(common);
  const settings = `${folder}/sentinel.conf`;
  const lines = [
    `port ${ports.plain}`,
    "bind 127.0.0.1",
    `dir ${folder}`,
    `sentinel monitor ${MASTER} 127.0.0.1 ${masterPort} ${QUORUM}`,
    `sentinel auth-pass ${MASTER} ${password}`,
    `sentinel down-after-milliseconds ${MASTER} ${DOWN_AFTER_MS}`,
    ...Object.entries(secureSettings(ports, common)).map(([name, value]) => `${name} ${value}`),
    ...secure === undefined
      ? []
      : [`requirepass ${password}`, `sentinel sentinel-pass ${password}`, `user ${secure.user}`],
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
  return ports;
}

function sentinelClient(port: number, { password, secure }: Common): Redis {
  const sentinel = new Redis({
    port,
    ...(secure !== undefined && { password }),
    retryStrategy: () => 20,
  });
  sentinel.on("error", () => {});
  return sentinel;
}

async function untilWatched(port: number, common: Common): Promise<void> {
  const sentinel = sentinelClient(port, common);
  const count = async (what: string) =>
    (await sentinel.call("SENTINEL", what, MASTER) as unknown[]).length;
  while (await count("REPLICAS") < 1 || await count("SENTINELS") < SENTINELS - 1);
  sentinel.disconnect();
}
