/**
 * The way every command takes: bounded in time, tried twice, and not tried at all while Redis is
 * known to be away.
 *
 * Owns a circuit breaker for one server. Every command of Weir may be sent twice without harm.
 * Invariant: what it throws is a {@linkcode BrokerUnavailable}, within the bound.
 *
 * @module
 */
import {
  circuitBreaker,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  handleWhen,
} from "cockatiel";
import { BrokerUnavailable } from "../broker.ts";
import type { Clock } from "../clock.ts";
import type { Log, LogFields } from "../log.ts";
import { causeOf, type CommandClient, isReplyError, replyCode, unavailable } from "./connection.ts";
import { Refusal } from "./refusal.ts";

/** Runs commands; the adapters know no more of a connection. */
export interface Commands {
  /** @throws {BrokerUnavailable} */
  run<T>(call: (client: CommandClient) => Promise<T>): Promise<T>;
}

/** Calls in a row that have to fail before the next ones are not tried. */
const FAILURES_MAX = 3;

/** How long nothing is tried then; the next call after that is the probe. */
const PROBE_AFTER_MS = 500;

/** Replies of a server that cannot serve now, though it is there. */
const AWAY = new Set(["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY"]);

const TIMED_OUT = "Command timed out";

export interface GuardParts {
  readonly client: CommandClient;
  /** Bound on one try: half of a call's. */
  readonly tryMs: number;
  /** Replaces the connection, because nothing comes back on it, or the server is no master. */
  readonly replace: () => void;
  readonly clock: Clock;
  readonly log: Log;
  /** Told how long each call took that was tried, in milliseconds. */
  readonly onCall?: ((ms: number) => void) | undefined;
  /** Which server, for the log. */
  readonly fields: LogFields;
}

export class Guard implements Commands {
  readonly #parts: GuardParts;
  readonly #breaker: CircuitBreakerPolicy;
  /** Counts the connections. */
  #epoch = 0;
  readonly #refusal: Refusal;

  constructor(parts: GuardParts) {
    this.#parts = parts;
    this.#breaker = circuitBreaker(handleWhen(isAway), {
      halfOpenAfter: PROBE_AFTER_MS,
      breaker: new ConsecutiveBreaker(FAILURES_MAX),
    });
    const { client, log, fields } = parts;
    this.#refusal = new Refusal(client);
    this.#breaker.onBreak(() => log.warn("redis is away, commands fail at once", fields));
    this.#breaker.onReset(() => log.info("redis serves again", fields));
  }

  /** Whether commands fail without being tried. */
  get open(): boolean {
    return this.#breaker.state !== CircuitState.Closed;
  }

  async run<T>(call: (client: CommandClient) => Promise<T>): Promise<T> {
    try {
      return await this.#breaker.execute(() => this.#timed(call));
    } catch (error) {
      const failure = unavailable(error);
      const { words } = this.#refusal;
      if (words === undefined || failure.reason === "full") throw failure;
      throw new BrokerUnavailable("full", words, { cause: error, untouched: failure.untouched });
    }
  }

  async #timed<T>(call: (client: CommandClient) => Promise<T>): Promise<T> {
    const { clock, onCall } = this.#parts;
    const began = clock.now();
    try {
      return await this.#twice(call);
    } finally {
      onCall?.(clock.now() - began);
    }
  }

  async #twice<T>(call: (client: CommandClient) => Promise<T>): Promise<T> {
    const epoch = this.#epoch;
    try {
      return await this.#once(call);
    } catch (error) {
      if (!isStale(error)) throw error;
      // Of many calls that fail together, one replaces the connection for all.
      if (epoch === this.#epoch) {
        this.#epoch++;
        this.#parts.replace();
      }
    }
    return await this.#once(call);
  }

  /**
   * Bounds a try: the library bounds commands, and a cluster's redirections could add up. A process
   * that was kept from running finds its timers due before it has read what came meanwhile; that
   * is read first, or it would take a busy machine for a Redis that is away.
   */
  async #once<T>(call: (client: CommandClient) => Promise<T>): Promise<T> {
    const { client, tryMs, clock } = this.#parts;
    const late = Promise.withResolvers<never>();
    let cancel = clock.after(tryMs, () => {
      cancel = clock.after(0, () => late.reject(new Error(TIMED_OUT)));
    });
    try {
      return await Promise.race([call(client), late.promise]);
    } finally {
      cancel();
    }
  }
}

function isAway(error: unknown): boolean {
  const cause = error instanceof Error ? causeOf(error) : error;
  return !isReplyError(cause) || AWAY.has(replyCode(cause));
}

/** Whether the connection leads to nobody, or to the wrong one. */
function isStale(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.message === TIMED_OUT || replyCode(causeOf(error)) === "READONLY";
}
