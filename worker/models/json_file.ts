/**
 * A JSON file of a model: read, parsed and checked in one step.
 *
 * Owns the sentences about such a file. Never knows what the file is for.
 * Invariant: a fault anywhere in the file is a {@linkcode ModelError} that names the file.
 *
 * @module
 */
import type { z } from "zod";
import { type FieldNames, schemaFaults } from "../../shared/schema_faults.ts";
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
  fields: FieldNames = {},
): Promise<z.infer<Schema>> {
  const parsed = schema.safeParse(await parseFile(file));
  if (parsed.success) return parsed.data;
  const faults = schemaFaults(parsed.error, fields).join("; ");
  throw new ModelError(`cannot read "${file}": ${faults}`);
}

async function parseFile(file: string): Promise<unknown> {
  try {
    return JSON.parse(await Deno.readTextFile(file));
  } catch (error) {
    const fault = error instanceof SyntaxError ? `invalid JSON, ${error.message}` : faultOf(error);
    throw new ModelError(`cannot read "${file}": ${fault}`);
  }
}
