/**
 * JSON schemas in words: what a value is, and what members it has.
 *
 * Knows the part of JSON Schema that our own document uses.
 *
 * @module
 */

/** A schema of the document. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly examples?: readonly unknown[];
}

/** A word on a value: text, or the name of a schema that has a place of its own. */
export type Word = string | { readonly schema: string };

/** A member of a value, at any depth. */
export interface Member {
  /** As a program would reach it: `results[].predictions`. */
  readonly path: string;
  readonly kind: readonly Word[];
  readonly optional: boolean;
  readonly description: string | undefined;
}

/** Says what a value is. */
export function kindOf(schema: Schema): Word[] {
  if (schema.$ref !== undefined) return [{ schema: schema.$ref.split("/").at(-1)! }];
  if (schema.anyOf !== undefined) {
    return schema.anyOf.flatMap((one, i) => i === 0 ? kindOf(one) : [" or ", ...kindOf(one)]);
  }
  if (schema.const !== undefined) return [JSON.stringify(schema.const)];
  if (schema.enum !== undefined) return [schema.enum.map(String).join(", ")];
  if (schema.type === "array") return ["list of ", ...kindOf(schema.items ?? {})];
  const words = [schema.type ?? "anything", schema.format, boundsOf(schema)];
  if (schema.default !== undefined) words.push(`${JSON.stringify(schema.default)} by default`);
  return [words.filter((word) => word !== undefined).join(", ")];
}

/** Lists the members of a value, those of nested ones after the one that holds them. */
export function membersOf(schema: Schema, path = ""): Member[] {
  if (schema.$ref !== undefined) return [];
  if (schema.items !== undefined) return membersOf(schema.items, `${path}[]`);
  if (schema.anyOf !== undefined) return joined(schema.anyOf.map((one) => membersOf(one, path)));
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const inner = path === "" ? name : `${path}.${name}`;
    return [{
      path: inner,
      kind: kindOf(member),
      optional: !schema.required?.includes(name),
      description: member.description,
    }, ...membersOf(member, inner)];
  });
}

/** The members of a value of several kinds, each once: one that a kind lacks is optional. */
function joined(kinds: readonly Member[][]): Member[] {
  const objects = kinds.filter((members) => members.length > 0);
  const all = Map.groupBy(objects.flat(), ({ path }) => path);
  return [...all.values()].map((same) => ({
    ...same[0]!,
    optional: same.length < objects.length || same.some(({ optional }) => optional),
  }));
}

function boundsOf({ minimum, maximum }: Schema): string | undefined {
  if (minimum === undefined) return maximum === undefined ? undefined : `at most ${maximum}`;
  return maximum === undefined ? `at least ${minimum}` : `${minimum} to ${maximum}`;
}
