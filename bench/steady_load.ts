/**
 * Load at a steady rate, whether answers come or not, and what came of each request.
 *
 * Owns nothing. Invariant: every request that was sent has its reply in the result.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";

/** What came of one request. Times are milliseconds. */
export interface Reply {
  /** When it was sent, from the beginning of the load. */
  readonly at: number;
  readonly ms: number;
  /** 0 where there was no answer at all. */
  readonly status: number;
  readonly retryAfterMs?: number;
}

export interface SteadyLoad {
  readonly url: string;
  /** API key that the requests carry. */
  readonly key: string;
  /** The photo that each of them posts. */
  readonly photo: Uint8Array<ArrayBuffer>;
  readonly perSecond: number;
  readonly seconds: number;
  readonly clock: Clock;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/** Posts photos to `/predict`, evenly spaced; gives the replies in the order of the requests. */
export async function putSteadyLoad(load: SteadyLoad): Promise<Reply[]> {
  const { perSecond, seconds, clock, signal } = load;
  const began = clock.now();
  const replies: Promise<Reply>[] = [];
  for (let i = 0; i < perSecond * seconds && !signal.aborted; i++) {
    await clock.sleep(Math.max(0, began + 1000 * i / perSecond - clock.now()), signal);
    replies.push(post(load, began));
  }
  return await Promise.all(replies);
}

async function post({ url, key, photo, clock, signal }: SteadyLoad, began: number): Promise<Reply> {
  const sent = clock.now();
  const reply = (status: number) => ({ at: sent - began, ms: clock.now() - sent, status });
  const headers = { authorization: `Bearer ${key}` };
  try {
    const response = await fetch(`${url}/predict`, {
      method: "POST",
      headers,
      body: photo,
      signal,
    });
    await response.body?.cancel();
    const retryAfter = response.headers.get("retry-after");
    return {
      ...reply(response.status),
      ...(retryAfter !== null && { retryAfterMs: 1000 * Number(retryAfter) }),
    };
  } catch {
    return reply(0);
  }
}

/** Those of some replies that are answers to a photo. */
export function accepted(replies: readonly Reply[]): Reply[] {
  return replies.filter(({ status }) => status === 200);
}

/** How many replies had each status: `200: 12, 503: 3`. */
export function statuses(replies: readonly Reply[]): string {
  return [...Map.groupBy(replies, ({ status }) => status)]
    .map(([status, { length }]) => `${status}: ${length}`).join(", ");
}
