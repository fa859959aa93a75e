/**
 * A real redis-server for one test, with a client to look behind the scenes.
 *
 * @module
 */
import { Redis } from "ioredis";
import { systemClock } from "../clock.ts";
import { RedisServer, type RedisServerOptions } from "../redis_server.ts";
import { drop, type RedisSettings, tryMs } from "../redis/connection.ts";
import { Guard } from "../redis/guard.ts";
import { ShardKeys } from "../redis/keys.ts";
import { Shard } from "../redis/shard.ts";
import { keptLog } from "./kept_log.ts";

export interface TestRedis extends AsyncDisposable {
  readonly server: RedisServer;
  readonly client: Redis;
  readonly settings: RedisSettings;
  /** The only shard, over the same connection. */
  readonly shard: Shard;
}

/** Starts a server that keeps nothing on disk. */
export async function testRedis(
  options: Omit<RedisServerOptions, "executable"> = {},
): Promise<TestRedis> {
  const server = await RedisServer.start({
    executable: "redis-server",
    ...options,
    // Redis looks for its end so many times a second: with the usual ten, each test waits for it.
    settings: { hz: "100", ...options.settings },
  });
  const client = new Redis(server.url);
  const settings = { url: server.url, name: "test", timeoutMs: 5000 };
  const replace = () => client.disconnect(true);
  const parts = {
    settings,
    tryMs: tryMs(settings),
    clock: systemClock,
    log: keptLog(),
    fields: {},
  };
  return {
    server,
    client,
    settings,
    shard: new Shard(new ShardKeys(0), new Guard({ client, replace, ...parts }), parts),
    async [Symbol.asyncDispose](): Promise<void> {
      drop(client);
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Files in PEM form with which a server encrypts. */
export interface TlsFiles {
  /** Certificate of the authority: what its replicas have to trust. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** Settings with which it speaks TLS at a port beside its own, and to its master. */
export function tlsSettings(
  port: number,
  { authority, certificate, key }: TlsFiles,
): Record<string, string> {
  return {
    "tls-port": String(port),
    "tls-cert-file": certificate,
    "tls-key-file": key,
    "tls-ca-cert-file": authority,
    "tls-auth-clients": "no",
    "tls-replication": "yes",
  };
}

/**
 * Stops the server's process: it still takes connections, and answers nothing. Disposing lets it
 * go on.
 */
export async function freeze({ client }: Pick<TestRedis, "client">): Promise<Disposable> {
  const pid = await serverPid(client);
  Deno.kill(pid, "SIGSTOP");
  return { [Symbol.dispose]: () => Deno.kill(pid, "SIGCONT") };
}

/** Process id of the server. */
export async function serverPid(client: Redis): Promise<number> {
  return Number(/^process_id:(\d+)/m.exec(await client.info("server"))![1]);
}

/** Sum of the calls of each command so far, from `INFO commandstats`. */
export async function commandCalls(client: Redis): Promise<Map<string, number>> {
  const info = await client.info("commandstats");
  return new Map(
    [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map((
      [, name, calls],
    ) => [name!, Number(calls)]),
  );
}

/** What a load hash says is admitted and not done; the images of all lanes. */
export async function loadOf(
  client: Pick<Redis, "hgetall">,
  key: string,
): Promise<{ jobs: number; bytes: number; images: number }> {
  const { jobs = "0", bytes = "0", ...more } = await client.hgetall(key);
  const images = Object.entries(more).filter(([field]) => field.startsWith("images:"));
  return {
    jobs: Number(jobs),
    bytes: Number(bytes),
    images: images.reduce((sum, [, value]) => sum + Number(value), 0),
  };
}

/** Fields of the connections that Redis has whose name matches, from `CLIENT LIST`. */
export async function connectionsNamed(
  client: Redis,
  pattern: RegExp,
): Promise<Record<string, string>[]> {
  const list = await client.client("LIST") as string;
  return list.trim().split("\n")
    .map((line) => Object.fromEntries(line.split(" ").map((field) => field.split(/=(.*)/, 2))))
    .filter(({ name }) => pattern.test(name));
}

/** A command that Redis took, as MONITOR tells of it. */
export interface Command {
  /** Seconds of Redis' clock. */
  readonly at: number;
  readonly name: string;
  readonly args: readonly string[];
  /** Address of the client, or `lua` for a command inside a script. */
  readonly source: string;
}

/** The library trips over a command that somebody sends at the very moment: then, once more. */
async function openMonitor(client: Redis): Promise<Redis> {
  for (;;) {
    try {
      return await client.monitor();
    } catch (error) {
      if (!/^Command queue state error/.test(String((error as Error).message))) throw error;
    }
  }
}

/** Keeps every command from now on. */
export async function monitor(client: Redis): Promise<{ commands: Command[] } & Disposable> {
  const commands: Command[] = [];
  const monitor = await openMonitor(client);
  monitor.on("monitor", (time: string, [name, ...args]: string[], source: string) => {
    commands.push({ at: Number(time), name: name!.toLowerCase(), args, source });
  });
  return { commands, [Symbol.dispose]: () => monitor.disconnect() };
}
