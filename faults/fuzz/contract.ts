/**
 * What a gateway promises, as its OpenAPI document says it: operations, answers, codes.
 *
 * Owns the reading of the document. Never knows a route or a code by itself.
 *
 * @module
 */
import { z } from "zod";

const MediaSchema = z.record(z.string(), z.unknown());

const OperationSchema = z.object({
  parameters: z.array(z.object({ name: z.string(), in: z.enum(["path", "query", "header"]) }))
    .default([]),
  requestBody: z.object({ content: MediaSchema }).optional(),
  responses: z.record(z.string(), z.object({ content: MediaSchema.optional() })),
});

const DocumentSchema = z.object({
  paths: z.record(z.string(), z.record(z.string(), OperationSchema)),
  components: z.object({
    examples: z.record(
      z.string(),
      z.object({ value: z.object({ code: z.string(), status: z.int() }) }),
    ),
  }),
});

/** A method at a path. */
export interface Operation {
  readonly method: string;
  /** With parameters in braces. */
  readonly path: string;
  /** Names of its parameters. */
  readonly parameters: Readonly<Record<"path" | "query" | "header", readonly string[]>>;
  /** Media types of its body; empty where it has none. */
  readonly takes: readonly string[];
  /** Media types of its answers by status; empty for an answer without a body. */
  readonly answers: ReadonlyMap<number, readonly string[]>;
}

export interface Contract {
  readonly operations: readonly [Operation, ...Operation[]];
  /** Status of every code. */
  readonly codes: ReadonlyMap<string, number>;
}

/** Reads the document. */
export function readContract(document: unknown): Contract {
  const { paths, components } = DocumentSchema.parse(document);
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters, requestBody, responses }]): Operation => {
      const named = (place: string): string[] =>
        parameters.filter((parameter) => parameter.in === place).map(({ name }) => name);
      return {
        method: method.toUpperCase(),
        path,
        parameters: { path: named("path"), query: named("query"), header: named("header") },
        takes: Object.keys(requestBody?.content ?? {}),
        answers: new Map(
          Object.entries(responses).map(([status, { content }]) => [
            Number(status),
            Object.keys(content ?? {}),
          ]),
        ),
      };
    })
  );
  const [first, ...rest] = operations;
  if (first === undefined) throw new Error("read document: it has no operation");
  const examples = Object.values(components.examples);
  return {
    operations: [first, ...rest],
    codes: new Map(examples.map(({ value: { code, status } }) => [code, status])),
  };
}
