/**
 * The report for a terminal.
 *
 * @module
 */
import Table from "cli-table3";
import type { Machine } from "../machine.ts";
import { type Cell, type Figure, isMet, type ScenarioReport } from "../scenario.ts";

export interface Report {
  readonly quick: boolean;
  readonly machine: Machine;
  readonly scenarios: readonly ScenarioReport[];
}

/** Three digits that count, no more. */
export function shown(cell: Cell): string {
  if (cell === undefined) return "";
  if (typeof cell === "string") return cell;
  if (Math.abs(cell) >= 100) return Math.round(cell).toLocaleString("en-US");
  return String(Number(cell.toPrecision(3)));
}

/** `≥ 4 ×` */
export function goalOf({ goal, unit }: Figure): string {
  if (goal === undefined) return "";
  const bound = "atLeast" in goal ? `≥ ${shown(goal.atLeast)}` : `≤ ${shown(goal.atMost)}`;
  return `${bound} ${unit}`.trim();
}

export function textOf({ quick, machine, scenarios }: Report): string {
  const { processor, cores, memoryGiB, versions } = machine;
  const lines = [
    `${processor}, ${cores} cores, ${memoryGiB} GiB`,
    Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", "),
  ];
  for (const { name, method, tables } of scenarios) {
    lines.push("", `${name}: ${method}`);
    for (const { title, columns, rows } of tables) {
      lines.push("", title, tableOf(columns, rows.map((row) => row.map(shown))));
    }
  }
  const figures = scenarios.flatMap(({ figures }) => figures);
  if (figures.length > 0) {
    const rows = figures.map((figure) => [
      figure.name,
      `${shown(figure.value)} ${figure.unit}`,
      goalOf(figure),
      figure.goal === undefined ? "" : isMet(figure) ? "yes" : "NO",
    ]);
    lines.push("", tableOf(["figure", "measured", "goal", "met"], rows));
  }
  if (quick) lines.push("", "--quick: these figures prove nothing");
  return lines.join("\n");
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: [...head],
    style: { head: [], border: [] },
    colAligns: head.map((_, i) => i === 0 ? "left" : "right"),
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}
