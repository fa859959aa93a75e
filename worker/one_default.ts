/**
 * Whether the workers that are alive agree on the default model.
 *
 * Never settles it: which one requests get that name none is the gateways' choice then.
 *
 * @module
 */
import type { Directory } from "../shared/broker.ts";
import type { Log } from "../shared/log.ts";

/**
 * Warns where they do not: then their repositories differ.
 *
 * @throws {BrokerUnavailable} where it cannot be known who is alive
 */
export async function warnOfDefaults(directory: Directory, log: Log): Promise<void> {
  const served = (await directory.models()).filter(({ workers }) => workers > 0);
  const names = served.filter(({ card }) => card.default).map(({ card }) => card.name).sort();
  if (names.length > 1) {
    log.warn("workers disagree about the default model", { models: names.join(",") });
  }
}
