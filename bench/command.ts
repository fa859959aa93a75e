/**
 * The flags of `bench`, with what they default to.
 *
 * @module
 */
import { Argument, Command } from "commander";
import { countOption } from "../shared/count_option.ts";
import type { BenchOptions } from "./mod.ts";
import { SCENARIOS } from "./scenarios.ts";

/** Makes the command; its action is given the scenarios and flags as they were understood. */
export function benchCommand(action: (options: BenchOptions) => Promise<void>): Command {
  const names = SCENARIOS.map(({ name }) => name);
  const width = Math.max(...names.map(({ length }) => length));
  const lines = SCENARIOS.map(({ name, description }) => `  ${name.padEnd(width)}  ${description}`);
  return new Command("bench")
    .description("measures Weir beside what people would pick instead, on this machine alone")
    .addArgument(new Argument("[scenario...]", "all where none is named").choices(names))
    .option("--quick", "less time and fewer points: to see that it works", false)
    .option("--json <file>", "where to write the figures", "bench-report.json")
    .option("--html <file>", "where to write the report with plots", "bench-report.html")
    .addOption(countOption("--rounds <n>", "rounds that medians are of").default(3))
    .addHelpText("after", `\nScenarios:\n${lines.join("\n")}`)
    .action((scenarios: string[], options: Omit<BenchOptions, "scenarios">) =>
      action({ ...options, scenarios })
    );
}
