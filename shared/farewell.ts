/**
 * What a process does for the others on its way out.
 *
 * Invariant: a broker that is away keeps nobody from leaving.
 *
 * @module
 */
import { BrokerUnavailable } from "./broker.ts";
import type { Log } from "./log.ts";

/** Tidies up; where the broker is away, what is left there goes by itself when its time is over. */
export async function farewell(log: Log, tidyUp: () => Promise<void>): Promise<void> {
  try {
    await tidyUp();
  } catch (error) {
    if (!(error instanceof BrokerUnavailable)) throw error;
    log.warn("leaving without tidying up", { error: error.message });
  }
}
