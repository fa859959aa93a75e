/**
 * The flags of `start`.
 *
 * @module
 */
import { Command } from "commander";
import { countOption } from "../shared/count_option.ts";
import { namesOption } from "../shared/names_option.ts";

export interface StartOptions {
  /** How many listen at the port. */
  readonly gateways: number;
  /** Instead of `WEIR_WORKERS`. */
  readonly workers?: string;
  /** The models that the workers serve; all of the repository unless given. */
  readonly models?: readonly string[];
}

/** As many as there may be workers. */
const GATEWAYS = { max: 256 };

/** Makes the command; its action is given the flags as they were understood. */
export function startCommand(action: (options: StartOptions) => Promise<void>): Command {
  return new Command("start")
    .description("everything in one: set-up, Redis, gateway, workers and a first photo")
    .addOption(countOption("--gateways <n>", "gateways, all on one port", GATEWAYS).default(1))
    .option("--workers <n>", "worker processes (WEIR_WORKERS)")
    .addOption(namesOption("--models <names>", "models that the workers serve"))
    .action(action);
}
