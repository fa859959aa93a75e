/**
 * Waiting for a run's work to be cleared away, once no client waits any more.
 *
 * @module
 */
import type { Redis } from "ioredis";
import type { Clock } from "../shared/clock.ts";
import { isEmpty, readRemains, type RedisState } from "./redis_state.ts";

/** Time for everything that is left. */
const QUIET_MAX_MS = 30_000;
const QUIET_LOOK_MS = 100;

const NEVER = new AbortController().signal;

/** Waits until nothing is left, for a while; gives what is there then. */
export async function untilEmpty(
  client: Redis,
  clock: Clock,
): Promise<Omit<RedisState, "records">> {
  const began = clock.now();
  for (;;) {
    const remains = await readRemains(client);
    if (isEmpty(remains) || clock.now() - began >= QUIET_MAX_MS) return remains;
    await clock.sleep(QUIET_LOOK_MS, NEVER);
  }
}
