/**
 * The flags of `faults`, with what they default to.
 *
 * @module
 */
import { Command } from "commander";
import { countOption } from "../shared/count_option.ts";
import type { FaultsOptions } from "./mod.ts";
import { seedOption } from "./seed_option.ts";

/** Makes the command; its action is given the flags as they were understood. */
export function faultsCommand(action: (options: FaultsOptions) => Promise<void>): Command {
  return new Command("faults")
    .description("kills, freezes and cuts off a Weir of its own under load, and judges it")
    .addOption(seedOption("what the faults are drawn from"))
    .addOption(countOption("--jobs <n>", "photos to classify").default(1000))
    .addOption(countOption("--faults <n>", "faults to inject").default(40))
    .addOption(countOption("--workers <n>", "worker processes").default(4))
    .addOption(countOption("--gateways <n>", "gateway processes").default(2))
    .option("--history <file>", "where to write what each client was told, as lines of JSON")
    .action(action);
}
