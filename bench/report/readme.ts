/**
 * The README's table of measured figures, made of what bench has measured.
 *
 * Owns the form of `bench/measured.json`, which is what the table is made of and nothing else.
 * Invariant: figures in one table are of one machine and the same versions.
 *
 * @module
 */
import type { Machine } from "../machine.ts";
import { type Figure, isMet } from "../scenario.ts";
import { goalOf, type Report, shown } from "./text.ts";

/** Figures that are kept, and what they were measured on. */
export interface Measured {
  readonly machine: Machine;
  /** In the order in which scenarios run. */
  readonly scenarios: readonly { readonly name: string; readonly figures: readonly Figure[] }[];
}

/** Characters of a line of the README. */
const WIDTH = 100;

/** Lines of the README that the table stands between. */
const [BEGIN, END] = ["<!-- measured: deno task bench --readme -->", "<!-- /measured -->"];

/**
 * Takes up what a report has measured; of what was kept, the scenarios stay that it has not, where
 * they are of the same machine and versions.
 *
 * @param names of all scenarios, in their order
 */
export function takenUp(
  kept: Measured | undefined,
  { machine, scenarios }: Report,
  names: readonly string[],
): Measured {
  const stays = JSON.stringify(kept?.machine) === JSON.stringify(machine);
  const all = new Map(
    [...(stays ? kept!.scenarios : []), ...scenarios].map(({ name, figures }) => [name, figures]),
  );
  return {
    machine,
    scenarios: names.flatMap((name) => all.has(name) ? [{ name, figures: all.get(name)! }] : []),
  };
}

/** Puts the table of the figures between its markers. */
export function withTable(readme: string, measured: Measured): string {
  const [before, rest] = readme.split(`${BEGIN}\n`);
  const [, after] = rest?.split(`${END}\n`) ?? [];
  if (after === undefined) throw new Error(`README.md: the lines "${BEGIN}" and "${END}" are gone`);
  return `${before}${BEGIN}\n\n${sectionOf(measured)}\n${END}\n${after}`;
}

function sectionOf({ machine, scenarios }: Measured): string {
  const rows = [
    ["scenario", "figure", "measured", "goal"],
    ...scenarios.flatMap(({ name, figures }) =>
      figures.map((figure) => [
        `\`${name}\``,
        figure.name,
        `${shown(figure.value)} ${figure.unit}`.trim() + (isMet(figure) ? "" : " (missed)"),
        goalOf(figure),
      ])
    ),
  ];
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const lines = rows.map((row) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`
  );
  lines.splice(1, 0, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`);
  const { processor, cores, memoryGiB, versions } = machine;
  const on = `${processor}, ${cores} cores, ${memoryGiB} GiB`;
  const beside = Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ");
  return `${lines.join("\n")}\n\n${wrapped(`${on}; ${beside}.`)}\n`;
}

/** Breaks lines between words, as the formatter does. */
function wrapped(text: string): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trimStart();
    if (longer.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines.join("\n");
}
