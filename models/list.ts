/**
 * `model list`: what a repository holds.
 *
 * Invariant: a model that cannot be served is listed too, with the reason.
 *
 * @module
 */
import { join, resolve } from "node:path";
import Table from "cli-table3";
import { ModelError } from "../worker/models/model_error.ts";
import { modelNames, readModel, versionsOf } from "../worker/models/repository.ts";
import type { ModelParts } from "./parts.ts";
import { bytesIn, sizeOf } from "./size.ts";
import { engineFor } from "./trial.ts";

/**
 * Prints a table.
 *
 * @returns the exit code: 0, or 1 where a model cannot be served
 * @throws {ModelError} where the repository cannot be read
 */
export async function listModels(parts: ModelParts): Promise<number> {
  const repository = resolve(parts.config.WEIR_MODELS);
  const names = await modelNames(repository);
  const table = new Table({
    head: ["NAME", "VERSION", "FORMAT", "ENGINE", "LABELS", "SIZE", "DEFAULT"],
    chars: BORDERLESS,
    style: { head: [], "padding-left": 0, "padding-right": 2 },
  });
  const faults: string[] = [];
  for (const name of names) {
    try {
      table.push(await row(join(repository, name), names.length === 1, parts));
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      table.push([name, "", "", "", "", "", ""]);
      faults.push(error.message);
    }
  }
  if (names.length === 0) parts.write(`"${repository}" holds no model`);
  else parts.write(table.toString());
  for (const fault of faults) parts.write(fault);
  return faults.length === 0 ? 0 : 1;
}

/** Columns alone, as the other commands have them. */
const BORDERLESS = Object.fromEntries(
  ["top", "bottom", "left", "right", "mid"].flatMap((place) =>
    ["", "-mid", "-left", "-right"].map((part) => [`${place}${part}`, ""])
  ).concat([["middle", ""]]),
);

async function row(folder: string, isAlone: boolean, parts: ModelParts): Promise<string[]> {
  const { name, version, format, labels, config } = await readModel(folder);
  const others = (await versionsOf(folder)).filter((other) => other !== version);
  const { engine } = await engineFor({ format }, parts);
  return [
    name,
    others.length === 0 ? version : `${version}, also ${others.join(", ")}`,
    format,
    engine?.name ?? "none",
    String(labels.length),
    sizeOf(await bytesIn(join(folder, version))),
    isAlone || config.default ? "default" : "",
  ];
}
