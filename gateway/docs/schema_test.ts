import assert from "node:assert/strict";
import { kindOf, membersOf, type Schema, type Word } from "./schema.ts";

const JOB = { $ref: "#/components/schemas/Job" };

const kinds: [schema: Schema, kind: Word[]][] = [
  [{ type: "string" }, ["string"]],
  [{ type: "string", format: "date-time" }, ["string, date-time"]],
  [{ type: "integer", minimum: 1, maximum: 100 }, ["integer, 1 to 100"]],
  [{ type: "integer", minimum: 1, default: 5 }, ["integer, at least 1, 5 by default"]],
  [{ type: "number", maximum: 1 }, ["number, at most 1"]],
  [{ const: false, type: "boolean" }, ["false"]],
  [{ enum: ["queued", "running"], type: "string" }, ["queued, running"]],
  [JOB, [{ schema: "Job" }]],
  [{ type: "array", items: JOB }, ["list of ", { schema: "Job" }]],
  [{ anyOf: [JOB, { type: "null" }] }, [{ schema: "Job" }, " or ", "null"]],
  [{}, ["anything"]],
];

for (const [schema, kind] of kinds) {
  Deno.test(`a schema ${JSON.stringify(schema)} is ${JSON.stringify(kind)} in words`, () => {
    assert.deepEqual(kindOf(schema), kind);
  });
}

Deno.test("members of nested objects and lists have their path, those of references none", () => {
  const schema: Schema = {
    type: "object",
    properties: {
      images: { type: "object", properties: { done: { type: "integer" } }, required: ["done"] },
      results: {
        type: "array",
        description: "Of every image",
        items: { anyOf: [{ type: "object", properties: { job: JOB } }, { type: "null" }] },
      },
    },
    required: ["images"],
  };
  const members = membersOf(schema);
  assert.deepEqual(members.map(({ path, optional }) => [path, optional]), [
    ["images", false],
    ["images.done", false],
    ["results", true],
    ["results[].job", true],
  ]);
  assert.equal(members[2]?.description, "Of every image");
  assert.deepEqual(membersOf(JOB), []);
});

Deno.test("members of a value of several kinds are listed once, optional where one lacks them", () => {
  const kind = (name: string): Schema => ({
    type: "object",
    properties: { success: {}, [name]: {} },
    required: ["success", name],
  });
  const members = membersOf({ anyOf: [kind("embedding"), kind("tensor"), { type: "null" }] });
  assert.deepEqual(members.map(({ path, optional }) => [path, optional]), [
    ["success", false],
    ["embedding", true],
    ["tensor", true],
  ]);
});
