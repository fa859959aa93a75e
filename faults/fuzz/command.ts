/**
 * The flags of `fuzz`, with what they default to.
 *
 * @module
 */
import { Command } from "commander";
import { countOption } from "../../shared/count_option.ts";
import { seedOption } from "../seed_option.ts";
import type { FuzzOptions } from "./mod.ts";

/** Makes the command; its action is given the flags as they were understood. */
export function fuzzCommand(action: (options: FuzzOptions) => Promise<void>): Command {
  return new Command("fuzz")
    .description(
      "sends damaged images and odd requests to a Weir of its own, and judges the answers",
    )
    .addOption(seedOption("what the cases are drawn from"))
    .addOption(countOption("--cases <n>", "cases to send").default(2000))
    .addOption(countOption("--only <n>", "send this case alone, and print its answer", { min: 0 }))
    .addOption(countOption("--at-once <n>", "cases under way at once").default(8))
    .addOption(countOption("--workers <n>", "worker processes").default(1))
    .action(action);
}
