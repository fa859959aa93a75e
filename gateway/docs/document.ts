/**
 * The OpenAPI document as its page reads it: groups of operations, each with its place.
 *
 * Knows the part of OpenAPI that our own document uses.
 *
 * @module
 */
import type { OpenApiDocument } from "../openapi.ts";
import { PROBLEM_TYPE } from "../problem.ts";
import type { Schema } from "./schema.ts";

export interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Schema;
}

/** Bodies by media type. */
export type Content = Readonly<
  Record<string, {
    readonly schema?: Schema;
    readonly examples?: Readonly<Record<string, unknown>>;
  }>
>;

export interface Answer {
  readonly description: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Content;
}

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  /** Empty where no key is needed; else one requirement, with the roles that it names. */
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly description: string; readonly content: Content };
  readonly responses: Readonly<Record<string, Answer>>;
}

/** An operation with where it is found. */
export interface Place {
  readonly verb: string;
  readonly path: string;
  readonly operation: Operation;
}

/** Operations that belong together. */
export interface Group {
  readonly name: string;
  readonly description: string;
  readonly places: readonly Place[];
}

/** A problem of the document's examples. */
export interface Problem {
  readonly status: number;
  readonly title: string;
  readonly code: string;
  readonly detail: string;
}

/** Lists the operations, in the document's order. */
export function placesOf({ paths }: OpenApiDocument): Place[] {
  return Object.entries(paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item as Record<string, Operation>)
      .map(([verb, operation]) => ({ verb: verb.toUpperCase(), path, operation }))
  );
}

/** Lists the operations by their tags. */
export function groupsOf(document: OpenApiDocument): Group[] {
  const places = placesOf(document);
  return (document.tags ?? []).map(({ name, description = "" }) => ({
    name,
    description,
    places: places.filter(({ operation }) => operation.tags.includes(name)),
  }));
}

/** Lists the problems, in the order of their statuses. */
export function problemsOf({ components }: OpenApiDocument): Problem[] {
  const examples = Object.values(components?.examples ?? {}) as { readonly value: Problem }[];
  return examples.map(({ value }) => value);
}

/** Lists the codes that an operation can answer. */
export function codesOf({ responses }: Operation): string[] {
  return Object.values(responses).flatMap(({ content = {} }) =>
    Object.keys(content[PROBLEM_TYPE]?.examples ?? {})
  );
}
