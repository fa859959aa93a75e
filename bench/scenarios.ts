/**
 * The list of scenarios, in the order in which they run; each is loaded when it does.
 *
 * @module
 */
import type { Scenario } from "./scenario.ts";

export interface ListedScenario {
  readonly name: string;
  /** One line for `--help`. */
  readonly description: string;
  readonly load: () => Promise<Scenario>;
}

export const SCENARIOS: readonly ListedScenario[] = [
  {
    name: "roundtrip",
    description: "no model: throughput, latency and commands, beside BullMQ and polling",
    load: async () => (await import("./scenarios/roundtrip.ts")).roundtrip,
  },
];
