/**
 * A Weir whose capacity is known: its engine takes a certain time for each image.
 *
 * @module
 */
import { type ApiKeys, makeKeys } from "./api_keys.ts";
import { BenchRedis } from "./redis.ts";
import type { Stage } from "./scenario.ts";
import { startWeir, type System } from "./system.ts";

/** Time that the engine takes for an image. */
export const DELAY_MS = 10;
export const BATCH_MAX = 32;

/** Twice as many requests a second as it can serve. */
export const TWICE_PER_SECOND = 2 * 1000 / DELAY_MS;

export interface SlowWeir extends AsyncDisposable {
  readonly redis: BenchRedis;
  readonly keys: ApiKeys;
  readonly weir: System;
}

/**
 * Starts it, on a Redis of its own.
 *
 * @param names of its API keys
 * @param waitMaxMs longest wait with which a request is taken
 */
export async function startSlowWeir(
  stage: Stage,
  names: readonly string[],
  waitMaxMs: number,
): Promise<SlowWeir> {
  await using owned = new AsyncDisposableStack();
  const redis = owned.use(await BenchRedis.start(stage.redisServer, "everysec"));
  const keys = owned.use(await makeKeys(...names));
  const env = {
    WEIR_API_KEYS_FILE: keys.file,
    WEIR_ENGINE: "null",
    WEIR_NULL_DELAY_MS: String(DELAY_MS),
    WEIR_BATCH_MAX: String(BATCH_MAX),
    WEIR_QUEUE_WAIT_MAX_MS: String(waitMaxMs),
  };
  const weir = owned.use(await startWeir(stage, redis, { env }));
  const all = owned.move();
  return { redis, keys, weir, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
