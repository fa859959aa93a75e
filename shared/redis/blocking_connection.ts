/**
 * A connection for one reader that blocks in Redis.
 *
 * Owns the connection, the bound on each read and its replacement: a read that fails, is
 * interrupted or does not come back in time costs the connection, and the next read opens a new
 * one. Never resends a read. Invariant: at most one read is under way.
 *
 * @module
 */
import { Redis } from "ioredis";
import type { Clock } from "../clock.ts";
import { BrokerUnavailable } from "../broker.ts";
import { baseOptions, drop, type RedisSettings, unavailable } from "./connection.ts";

const UNBLOCK_TRIES_MAX = 20;
const UNBLOCK_PAUSE_MS = 10;

interface Connection {
  readonly client: Redis;
  /** Its id in Redis, where Redis tells; by it the read can be ended without losing a delivery. */
  id: number | undefined;
}

export class BlockingConnection implements Disposable {
  readonly #settings: RedisSettings;
  readonly #purpose: string;
  readonly #clock: Clock;
  #connection: Connection | undefined;
  #reading = false;

  constructor(settings: RedisSettings, purpose: string, clock: Clock) {
    this.#settings = settings;
    this.#purpose = purpose;
    this.#clock = clock;
  }

  /**
   * Runs one blocking command.
   *
   * @param blockMs the bound that the command itself carries; the watchdog waits a little longer
   * @throws {BrokerUnavailable} where it failed, was interrupted or never came back
   */
  async read<T>(blockMs: number, command: (client: Redis) => Promise<T>): Promise<T> {
    this.#reading = true;
    let bark: (() => void) | undefined;
    const watchdog = new Promise<never>((_, reject) => {
      bark = this.#clock.after(
        blockMs + 2 * this.#settings.timeoutMs,
        () => reject(new BrokerUnavailable("away", "blocking read did not come back")),
      );
    });
    try {
      return await Promise.race([this.#run(command), watchdog]);
    } catch (error) {
      if (!isReplyError(error)) this.interrupt();
      throw isReplyError(error) ? error : unavailable(error);
    } finally {
      bark?.();
      this.#reading = false;
    }
  }

  async #run<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    const { client } = this.#connection ?? await this.#open();
    return await command(client);
  }

  async #open(): Promise<Connection> {
    const opened: Connection = { client: this.#newClient(), id: undefined };
    // Known before it is connected, so that it can be interrupted while it connects.
    this.#connection = opened;
    await opened.client.connect();
    // A hosted Redis may refuse CLIENT.
    opened.id = await opened.client.client("ID").catch(() => undefined);
    return opened;
  }

  #newClient(): Redis {
    const client = new Redis(this.#settings.url, {
      ...baseOptions(this.#settings, this.#purpose),
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: null,
    });
    // The failed read reports the fault; without a listener the library would print it too.
    client.on("error", () => {});
    return client;
  }

  /**
   * Ends the read under way with an empty reply, so that no delivery is lost on its way; where
   * Redis does not allow that, by dropping the connection.
   *
   * @param commands another connection to the same server
   */
  async unblock(commands: Redis): Promise<void> {
    for (let tries = 0; this.#reading && tries < UNBLOCK_TRIES_MAX; tries++) {
      const id = this.#connection?.id;
      if (id === undefined) break;
      const unblocked = await commands.client("UNBLOCK", id).catch(() => undefined);
      if (unblocked === undefined) break;
      if (unblocked === 1) return;
      // The read has not reached Redis yet, or its reply is on the way.
      await this.#clock.sleep(UNBLOCK_PAUSE_MS, new AbortController().signal);
    }
    if (this.#reading) this.interrupt();
  }

  /** Ends the read under way, if any, by dropping the connection. */
  interrupt(): void {
    if (this.#connection !== undefined) drop(this.#connection.client);
    this.#connection = undefined;
  }

  [Symbol.dispose](): void {
    this.interrupt();
  }
}

/** An answer of the server, as opposed to a fault of the connection. */
function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === "ReplyError";
}
