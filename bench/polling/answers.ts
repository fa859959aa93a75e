/**
 * Ways in which gateways without Weir wait for an answer that a worker leaves in Redis.
 *
 * For bench alone. Each is what people build, no more: nothing here survives what it does not wait
 * for.
 *
 * @module
 */
import type { Redis } from "ioredis";
import { systemClock } from "../../shared/clock.ts";

/** How often a client's answer is asked for, where nobody says when it is there. */
const POLL_MS = 250;
/** The same where a notification is expected, which may be lost. */
const FALLBACK_MS = 2000;
/** Where the worker publishes all answers. */
export const CHANNEL = "polling:answers";

/** What Redis is to notify of: keys (K) that are set ($). */
const KEYSPACE_EVENTS = "K$";

export interface Answers {
  /** Submits a job, and waits for its answer as text. */
  of(id: string, submit: () => Promise<unknown>, signal: AbortSignal): Promise<string>;
}

/** Makes one by its name. */
export async function openAnswers(name: string, redis: Redis): Promise<Answers> {
  if (name === "keyspace") return await KeyspaceAnswers.open(redis);
  if (name === "pubsub") return await PublishedAnswers.open(redis);
  return new PolledAnswers(redis);
}

/** Asks every 250 ms. */
class PolledAnswers implements Answers {
  readonly #redis: Redis;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  async of(id: string, submit: () => Promise<unknown>, signal: AbortSignal): Promise<string> {
    await submit();
    while (true) {
      const answer = await taken(this.#redis, id);
      if (answer !== undefined) return answer;
      await systemClock.sleep(POLL_MS, signal);
      signal.throwIfAborted();
    }
  }
}

/** Asks when Redis notifies of the key, and now and then in case it did not. */
class KeyspaceAnswers implements Answers {
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  /** Ends the sleep of who waits, by channel. */
  readonly #waking = new Map<string, AbortController>();

  private constructor(redis: Redis) {
    this.#redis = redis;
    this.#subscriber = redis.duplicate();
    this.#subscriber.on("message", (channel: string) => this.#waking.get(channel)?.abort());
  }

  static async open(redis: Redis): Promise<KeyspaceAnswers> {
    await redis.config("SET", "notify-keyspace-events", KEYSPACE_EVENTS);
    return new KeyspaceAnswers(redis);
  }

  async of(id: string, submit: () => Promise<unknown>, signal: AbortSignal): Promise<string> {
    const channel = `__keyspace@0__:${id}`;
    const wake = new AbortController();
    this.#waking.set(channel, wake);
    await this.#subscriber.subscribe(channel);
    await submit();
    let answer: string | undefined;
    while (answer === undefined) {
      await systemClock.sleep(FALLBACK_MS, AbortSignal.any([wake.signal, signal]));
      signal.throwIfAborted();
      answer = await taken(this.#redis, id);
    }
    this.#waking.delete(channel);
    await this.#subscriber.unsubscribe(channel);
    return answer;
  }
}

/** Hears all answers on one channel; one that comes while nobody listens is lost. */
class PublishedAnswers implements Answers {
  readonly #waiting = new Map<string, (answer: string) => void>();

  static async open(redis: Redis): Promise<PublishedAnswers> {
    const answers = new PublishedAnswers();
    const subscriber = redis.duplicate();
    subscriber.on("message", (_channel: string, text: string) => {
      const { id, answer } = JSON.parse(text);
      answers.#waiting.get(id)?.(answer);
    });
    await subscriber.subscribe(CHANNEL);
    return answers;
  }

  async of(id: string, submit: () => Promise<unknown>): Promise<string> {
    const answer = new Promise<string>((resolve) => this.#waiting.set(id, resolve));
    await submit();
    try {
      return await answer;
    } finally {
      this.#waiting.delete(id);
    }
  }
}

async function taken(redis: Redis, id: string): Promise<string | undefined> {
  const answer = await redis.get(id);
  if (answer !== null) await redis.del(id);
  return answer ?? undefined;
}
