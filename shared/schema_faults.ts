/**
 * What is wrong with a value that a person wrote, in sentences for that person.
 *
 * Never shows a value: where it stands may be a secret's place.
 *
 * @module
 */
import { closest } from "fastest-levenshtein";
import type { z } from "zod";

/** Valid fields by the path of the object they are in, `""` for the outermost. */
export type FieldNames = Readonly<Record<string, readonly string[]>>;

/** One fault each, with the field it is in; an unknown field with the nearest valid one. */
export function schemaFaults({ issues }: z.core.$ZodError, fields: FieldNames = {}): string[] {
  return issues.flatMap((issue) => {
    const path = issue.path.join(".");
    if (issue.code !== "unrecognized_keys") {
      return [path === "" ? issue.message : `"${path}": ${issue.message}`];
    }
    const prefix = path === "" ? "" : `${path}.`;
    return issue.keys.map((key) =>
      `unknown field "${prefix}${key}", the nearest valid one is ` +
      `"${prefix}${closest(key, fields[path] ?? [])}"`
    );
  });
}
