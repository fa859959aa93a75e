/**
 * Bench: measures Weir and what people would use instead, in one run on this machine.
 *
 * Owns the order: scenarios one after the other, then the reports. Load goes to the loopback
 * interface and ends by itself. Invariant: nothing that it started outlives it.
 *
 * @module
 */
import { join } from "node:path";
import { machineOf } from "./machine.ts";
import { htmlOf } from "./report/html.ts";
import { type Measured, takenUp, withTable } from "./report/readme.ts";
import type { BenchParts } from "./parts.ts";
import { type Report, textOf } from "./report/text.ts";
import { isMet, type ScenarioReport } from "./scenario.ts";
import { SCENARIOS } from "./scenarios.ts";
import { withoutSettings } from "../shared/config.ts";
import { terminalBar } from "../shared/terminal_bar.ts";
import { NO_REPORTS } from "../worker/engines/libraries.ts";

export interface BenchOptions {
  /** Names; all where there is none. */
  readonly scenarios: readonly string[];
  readonly quick: boolean;
  readonly rounds: number;
  /** How long `soak` goes on. */
  readonly minutes: number;
  /** Root of a Weir that runs already. */
  readonly url?: string;
  /** Whether the README's table takes up the figures. */
  readonly readme: boolean;
  /** Files that take the reports. */
  readonly json: string;
  readonly html: string;
}

/**
 * Runs it; the last lines are the figures with their goals.
 *
 * @returns the exit code: 1 where a figure is not as it was promised, 0 with `quick`, which proves
 * nothing
 */
export async function runBench(
  options: BenchOptions,
  parts: BenchParts,
  signal: AbortSignal,
): Promise<number> {
  try {
    return await measure(options, parts, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    parts.say("bench was stopped");
    return 1;
  }
}

async function measure(
  { scenarios, quick, minutes, url, readme, json, html }: BenchOptions,
  parts: BenchParts,
  signal: AbortSignal,
): Promise<number> {
  const wanted = SCENARIOS.filter(({ name }) => scenarios.length === 0 || scenarios.includes(name));
  const reports: ScenarioReport[] = [];
  const target = url === undefined ? undefined : { url, key: parts.env.WEIR_API_KEY };
  for (const { name, load } of wanted) {
    using bar = terminalBar(parts.terminal, `${name} {bar} {percentage} % {what}`);
    bar.start(1, 0, { what: "" });
    const run = await load();
    // What is measured has its own settings, and no reports.
    const env = { ...withoutSettings(parts.env), ...NO_REPORTS };
    const stage = { ...parts, env, quick, minutes, target, signal };
    const progress = (done: number, what: string) => bar.update(done, { what });
    reports.push({ name, ...await run({ ...stage, progress }) });
    bar.update(1, { what: "done" });
  }
  const report: Report = { quick, machine: await machineOf(parts), scenarios: reports };
  await Deno.writeTextFile(json, `${JSON.stringify(report, null, 2)}\n`);
  await Deno.writeTextFile(html, htmlOf(report));
  parts.say(textOf(report));
  parts.say(`written: ${json}, ${html}`);
  if (readme) await keep(report, parts);
  return quick || reports.every(({ figures }) => figures.every(isMet)) ? 0 : 1;
}

/** Keeps the figures, and makes the README's table of those that are kept. */
async function keep(report: Report, { root, say }: BenchParts): Promise<void> {
  const [json, readme] = [join(root, "bench", "measured.json"), join(root, "README.md")];
  const kept: Measured | undefined = await Deno.readTextFile(json).then(
    JSON.parse,
    () => undefined,
  );
  const measured = takenUp(kept, report, SCENARIOS.map(({ name }) => name));
  await Deno.writeTextFile(json, `${JSON.stringify(measured, null, 2)}\n`);
  await Deno.writeTextFile(readme, withTable(await Deno.readTextFile(readme), measured));
  say(`written: ${json}, ${readme}`);
}
