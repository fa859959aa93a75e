/**
 * A connection for one user: a reader that blocks in Redis, or somebody in another thread.
 *
 * Owns the connection, the bound on each read and its replacement: a read that fails, is
 * interrupted or does not come back in time costs the connection, and the next read opens a new
 * one. Never resends a read. Invariant: at most one read is under way.
 *
 * @module
 */
import type { Redis } from "ioredis";
import type { Clock } from "../clock.ts";
import { BrokerUnavailable } from "../broker.ts";
import type { Node } from "./address.ts";
import {
  addressOf,
  drop,
  isReplyError,
  newDirect,
  type RedisSettings,
  replyCode,
  unavailable,
} from "./connection.ts";
import type { Commands } from "./guard.ts";

/** Replies that say: not here, or no longer. */
const ELSEWHERE = new Set(["MOVED", "ASK", "READONLY", "CLUSTERDOWN", "TRYAGAIN", "LOADING"]);

/** How often a read follows its keys from node to node. */
const MOVES_MAX = 3;

const UNBLOCK_TRIES_MAX = 200;
const UNBLOCK_PAUSE_MS = 1;

interface Connection {
  readonly client: Redis;
  /** Its id in Redis, where Redis tells; by it the read can be ended without losing a delivery. */
  id: number | undefined;
}

export class BlockingConnection implements Commands, Disposable {
  readonly #settings: RedisSettings;
  readonly #purpose: string;
  readonly #clock: Clock;
  #connection: Connection | undefined;
  #reading = false;
  /** Where a cluster last said that the keys are. */
  #node: Node | undefined;
  /** Counts the failures, so that each node of the address gets its turn. */
  #failures = 0;

  constructor(settings: RedisSettings, purpose: string, clock: Clock) {
    this.#settings = settings;
    this.#purpose = purpose;
    this.#clock = clock;
  }

  /** Whether {@linkcode unblock} can end a read without dropping the connection. */
  get unblockable(): boolean {
    return this.#connection?.id !== undefined;
  }

  /** Runs commands that do not block; where keys have moved to another node, all of them again. */
  async run<T>(call: (client: Redis) => Promise<T>): Promise<T> {
    try {
      return await this.read(0, call);
    } catch (error) {
      throw unavailable(error);
    }
  }

  /**
   * Runs one blocking command.
   *
   * @param blockMs the bound that the command itself carries; the watchdog waits a little longer
   * @throws {BrokerUnavailable} where it failed, was interrupted or never came back
   * @throws {ReplyError} where Redis refuses the command itself
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
      if (isReplyError(error) && !ELSEWHERE.has(replyCode(error))) throw error;
      this.interrupt();
      if (!isReplyError(error)) {
        this.#node = undefined;
        this.#failures++;
      }
      throw unavailable(error);
    } finally {
      bark?.();
      this.#reading = false;
    }
  }

  /** Where a cluster says that the keys are with another node, goes there: nothing was read. */
  async #run<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    for (let moves = 0;; moves++) {
      const { client } = this.#connection ?? await this.#open();
      try {
        return await command(client);
      } catch (error) {
        const node = movedTo(error);
        if (node === undefined || moves === MOVES_MAX) throw error;
        this.interrupt();
        this.#node = node;
      }
    }
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
    const address = addressOf(this.#settings);
    const node = address.kind === "cluster"
      ? this.#node ?? address.nodes[this.#failures % address.nodes.length]
      : undefined;
    return newDirect(this.#settings, this.#purpose, node);
  }

  /**
   * Ends the read under way with an empty reply, so that no delivery is lost on its way; where
   * Redis does not allow that, by dropping the connection.
   *
   * @param call runs a command on the same server over another connection
   */
  async unblock(call: (command: string, ...args: string[]) => Promise<unknown>): Promise<void> {
    for (let tries = 0; this.#reading && tries < UNBLOCK_TRIES_MAX; tries++) {
      const id = this.#connection?.id;
      if (id === undefined) break;
      const unblocked = await call("CLIENT", "UNBLOCK", String(id)).catch(() => undefined);
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

/** The node that a cluster says has the keys now. */
function movedTo(error: unknown): Node | undefined {
  const text = isReplyError(error) ? error.message : "";
  const [, host, port] = /^MOVED \d+ (.+):(\d+)$/.exec(text) ?? [];
  return host === undefined ? undefined : { host, port: Number(port) };
}
