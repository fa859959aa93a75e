/**
 * What a client is told when Redis cannot be asked, and what the log is told then.
 *
 * @module
 */
import type { BrokerUnavailable } from "../shared/broker.ts";
import type { Log } from "../shared/log.ts";
import { AT_CAPACITY, BUSY, type Refusal } from "./problem.ts";

/** Makes a refusal of a failure of the broker, and logs it. */
export function brokerRefusal(error: BrokerUnavailable, log: Log): Refusal {
  if (error.reason === "full") {
    log.error("redis refuses to take more, this is critical", { error: error.message });
    return AT_CAPACITY;
  }
  // While it is known to be away, that has been said already.
  const level = error.untouched ? "debug" : "warn";
  log[level]("redis is away", { error: error.message });
  return BUSY;
}
