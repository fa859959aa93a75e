/**
 * The flags of `bench`, with what they default to.
 *
 * @module
 */
import { Argument, Command, InvalidArgumentError, Option } from "commander";
import { countOption } from "../shared/count_option.ts";
import { isLoopback } from "../shared/loopback.ts";
import type { BenchOptions } from "./mod.ts";
import { SCENARIOS } from "./scenarios.ts";

/** The scenario that takes a system that runs already. */
const WITH_URL = "stress";

/** A day. */
const MINUTES = { max: 1440 };

/** Makes the command; its action is given the scenarios and flags as they were understood. */
export function benchCommand(action: (options: BenchOptions) => Promise<void>): Command {
  const names = SCENARIOS.map(({ name }) => name);
  const width = Math.max(...names.map(({ length }) => length));
  const lines = SCENARIOS.map(({ name, description }) => `  ${name.padEnd(width)}  ${description}`);
  const command = new Command("bench")
    .description("compares Weir with what people would use instead, on this machine only")
    .addArgument(new Argument("[scenario...]", "all if none is named").choices(names))
    .option("--quick", "less time and fewer points, only to see whether it works", false)
    .option("--json <file>", "where to write the figures", "bench-report.json")
    .option("--html <file>", "where to write the report with plots", "bench-report.html")
    .addOption(countOption("--rounds <n>", "rounds to take medians of").default(3))
    .addOption(countOption("--minutes <n>", "how long soak runs", MINUTES).default(20))
    .addOption(
      new Option("--url <url>", `${WITH_URL}: a Weir that is already running on this machine`)
        .argParser(loopbackUrl),
    )
    .addOption(
      new Option("--readme", "put the figures into the README's table").default(false)
        .conflicts(["quick", "url"]),
    )
    .addHelpText("after", `\nScenarios:\n${lines.join("\n")}`);
  return command.action((scenarios: string[], options: Omit<BenchOptions, "scenarios">) => {
    if (options.url !== undefined && scenarios.join() !== WITH_URL) {
      command.error(`error: --url is only for the scenario ${WITH_URL}`);
    }
    return action({ ...options, scenarios });
  });
}

/** Reads an address; load may go to this machine alone. */
function loopbackUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol !== "http:") throw new InvalidArgumentError("It is not an http address.");
  if (!isLoopback(url.hostname)) {
    throw new InvalidArgumentError(
      "It is another machine's, and bench puts load on this one only.",
    );
  }
  return url.origin;
}
