/**
 * The flags of `faults`, with what they default to.
 *
 * @module
 */
import { Command, InvalidArgumentError, Option } from "commander";
import type { FaultsOptions } from "./mod.ts";

/** Makes the command; its action is given the flags as they were understood. */
export function faultsCommand(action: (options: FaultsOptions) => Promise<void>): Command {
  return new Command("faults")
    .description("kills, freezes and cuts off a Weir of its own under load, and judges it")
    .addOption(countOption("--seed <n>", "what the faults are drawn from", anySeed(), 0))
    .addOption(countOption("--jobs <n>", "photos to classify", 1000))
    .addOption(countOption("--faults <n>", "faults to strike", 40))
    .addOption(countOption("--workers <n>", "worker processes", 4))
    .addOption(countOption("--gateways <n>", "gateway processes", 2))
    .option("--history <file>", "where to write what each client was told, as lines of JSON")
    .action(action);
}

/** A flag that takes a whole number. */
function countOption(flags: string, description: string, value: number, min = 1): Option {
  return new Option(flags, description).default(value).argParser((text) => {
    const count = /^\d{1,7}$/.test(text) ? Number(text) : NaN;
    if (count >= min) return count;
    throw new InvalidArgumentError(`It is no whole number from ${min} to 9999999.`);
  });
}

/** A seed that is easy to type again. */
function anySeed(): number {
  return crypto.getRandomValues(new Uint16Array(1))[0]!;
}
