/**
 * A JSON file of a model: read, parsed and checked in one step.
 *
 * Owns the sentences about such a file. Never knows what the file is for.
 * Invariant: a fault anywhere in the file is a {@linkcode ModelError} that names the file.
 *
 * @module
 */
import { closest } from "fastest-levenshtein";
import type { z } from "zod";
import { faultOf, ModelError } from "./model_error.ts";

/**
 * Reads a JSON file and checks it against a schema.
 *
 * @param file path of the file
 * @param schema what it must hold
 * @param fields valid fields by the path of the object they are in, `""` for the outermost
 * @returns what the schema makes of the file
 * @throws {ModelError} with every fault, an unknown field together with the nearest valid one
 */
export async function readJsonFile<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
  fields: Readonly<Record<string, readonly string[]>> = {},
): Promise<z.infer<Schema>> {
  const parsed = schema.safeParse(await parseFile(file));
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap((issue) => describe(issue, fields));
  throw new ModelError(`cannot read "${file}": ${faults.join("; ")}`);
}

async function parseFile(file: string): Promise<unknown> {
  try {
    return JSON.parse(await Deno.readTextFile(file));
  } catch (error) {
    const fault = error instanceof SyntaxError ? `invalid JSON, ${error.message}` : faultOf(error);
    throw new ModelError(`cannot read "${file}": ${fault}`);
  }
}

function describe(
  issue: z.core.$ZodIssue,
  fields: Readonly<Record<string, readonly string[]>>,
): string[] {
  const path = issue.path.join(".");
  if (issue.code !== "unrecognized_keys") {
    return [path === "" ? issue.message : `"${path}": ${issue.message}`];
  }
  const prefix = path === "" ? "" : `${path}.`;
  return issue.keys.map((key) =>
    `unknown field "${prefix}${key}", the nearest valid one is ` +
    `"${prefix}${closest(key, fields[path] ?? [])}"`
  );
}
