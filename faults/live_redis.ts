/**
 * The Redis of a run: killed and started again at its address, with what it had written.
 *
 * Invariant: what Redis acknowledged survives its death. That takes `appendfsync always`: with
 * `everysec`, it may put off writing to the file while an fsync is under way.
 *
 * @module
 */
import { Redis } from "ioredis";
import type { Clock } from "../shared/clock.ts";
import { RedisServer, type RedisServerOptions } from "../shared/redis_server.ts";

export class LiveRedis implements AsyncDisposable {
  /** A connection of the harness' own, past every proxy. */
  readonly client: Redis;
  readonly #options: RedisServerOptions;
  readonly #clock: Clock;
  #server: RedisServer;
  #restarting: Promise<void> = Promise.resolve();

  private constructor(options: RedisServerOptions, clock: Clock, server: RedisServer) {
    this.#options = { ...options, address: server.address };
    this.#clock = clock;
    this.#server = server;
    this.client = new Redis(server.url, {
      // Its commands wait while Redis is away.
      maxRetriesPerRequest: null,
      retryStrategy: () => RECONNECT_PAUSE_MS,
    });
    // While Redis is away, each try to reconnect fails.
    this.client.on("error", () => {});
  }

  /**
   * Starts it.
   *
   * @param folder where it keeps its data
   */
  static async start(
    { executable, folder, clock }: { executable: string; folder: string; clock: Clock },
  ): Promise<LiveRedis> {
    const options = { executable, folder, settings: { appendfsync: "always" } };
    return new LiveRedis(options, clock, await RedisServer.start(options));
  }

  get port(): number {
    return this.#server.address.port;
  }

  get password(): string {
    return this.#server.address.password;
  }

  /** Kills it, and starts it again after a while; several restarts come one after the other. */
  restart(awayMs: number, signal: AbortSignal): Promise<void> {
    this.#restarting = this.#restarting.then(() => this.#restart(awayMs, signal));
    return this.#restarting;
  }

  async #restart(awayMs: number, signal: AbortSignal): Promise<void> {
    const [, pid] = /^process_id:(\d+)/m.exec(await this.client.info("server")) ?? [];
    Deno.kill(Number(pid), "SIGKILL");
    await this.#server.ended;
    await this.#server[Symbol.asyncDispose]();
    await this.#clock.sleep(awayMs, signal);
    this.#server = await RedisServer.start(this.#options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.disconnect();
    await this.#server[Symbol.asyncDispose]();
  }
}

const RECONNECT_PAUSE_MS = 50;
