/**
 * The Redis of `start`: with its data in a folder, back on the same address after a crash.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";
import type { Log } from "../shared/log.ts";
import { RedisServer, type RedisServerOptions } from "../shared/redis_server.ts";

/** Pause before a server that died is started again. */
const RESTART_PAUSE_MS = 500;

export class EmbeddedRedis implements AsyncDisposable {
  readonly url: string;
  readonly #stopping = new AbortController();
  readonly #watching: Promise<void>;
  #server: RedisServer;

  private constructor(
    server: RedisServer,
    options: RedisServerOptions,
    { clock, log }: { clock: Clock; log: Log },
  ) {
    this.#server = server;
    this.url = server.url;
    this.#watching = this.#watch({ ...options, address: server.address }, clock, log);
  }

  static async start(
    options: RedisServerOptions,
    parts: { clock: Clock; log: Log },
  ): Promise<EmbeddedRedis> {
    return new EmbeddedRedis(await RedisServer.start(options), options, parts);
  }

  async #watch(options: RedisServerOptions, clock: Clock, log: Log): Promise<void> {
    const { signal } = this.#stopping;
    await this.#server.ended;
    while (!signal.aborted) {
      log.error("redis died, restarting it");
      await clock.sleep(RESTART_PAUSE_MS, signal);
      if (signal.aborted) return;
      try {
        this.#server = await RedisServer.start(options);
        // Whoever stopped us meanwhile has ended the old one only.
        if (signal.aborted) await this.#server[Symbol.asyncDispose]();
        await this.#server.ended;
      } catch (error) {
        log.error("redis does not start", { error: String(error) });
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#server[Symbol.asyncDispose]();
    await this.#watching;
  }
}
