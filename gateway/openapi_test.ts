import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";
import { ERROR_CODES, type ErrorCode } from "../shared/errors.ts";
import type { OpenApiDocument } from "./openapi.ts";
import { PROBLEMS } from "./problem.ts";
import { openBareApp } from "./testing/app.ts";
import { Contract } from "./testing/contract.ts";

const { app } = openBareApp();
const document: OpenApiDocument = await (await app.request("/openapi.json")).json();
const examples = document.components!.examples as Record<ErrorCode, { value: unknown }>;

interface Operation {
  readonly operationId: string;
  readonly responses: Record<string, {
    readonly content?: Record<string, { readonly examples?: Record<string, unknown> }>;
  }>;
}

/** Operations by verb and path, as the router writes them. */
const operations = new Map(
  Object.entries(document.paths!).flatMap(([path, verbs]) =>
    Object.entries(verbs as Record<string, Operation>).map((
      [verb, operation],
    ) => [`${verb.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`, operation])
  ),
);

Deno.test("the document is OpenAPI 3.1", async () => {
  const { valid, errors } = await new Validator().validate({ ...document });
  assert(valid, JSON.stringify(errors, null, 2));
  assert.match(document.openapi, /^3\.1\./);
});

Deno.test("every route that is served is described, and no other", () => {
  const served = app.routes.filter(({ method }) => method !== "ALL");
  assert(served.length > 10);
  assert.deepEqual(
    [...operations.keys()].sort(),
    served.map(({ method, path }) => `${method} ${path}`).sort(),
  );
});

Deno.test("every operation has a name of its own", () => {
  const ids = [...operations.values()].map(({ operationId }) => operationId);
  assert.deepEqual(ids, [...new Set(ids)]);
});

Deno.test("every code of the problem table is described, with its status", () => {
  assert.deepEqual(Object.keys(examples), [...ERROR_CODES]);
  for (const code of ERROR_CODES) {
    const { status, title, detail } = PROBLEMS[code];
    assert.deepEqual(examples[code].value, {
      type: "about:blank",
      title,
      status,
      code,
      detail,
      success: false,
    });
  }
});

Deno.test("every code but that of a wrong verb is answered by some operation", () => {
  const declared = new Set(
    [...operations.values()].flatMap(({ responses }) =>
      Object.values(responses).flatMap(({ content }) =>
        Object.keys(content?.["application/problem+json"]?.examples ?? {})
      )
    ),
  );
  assert.deepEqual(
    ERROR_CODES.filter((code) => !declared.has(code)),
    // Its verb is no operation.
    ["method_not_allowed"],
  );
});

Deno.test("the document's examples are what its schemas say", () => {
  const contract = new Contract(document);
  for (const [code, { value }] of Object.entries(examples)) {
    contract.assertValid(["components", "schemas", "Problem"], value, code);
  }
  const schemas = Object.entries(document.components!.schemas!)
    .map(([name, schema]) => [name, (schema as { examples?: unknown[] }).examples ?? []] as const)
    .filter(([, examples]) => examples.length > 0);
  assert(schemas.length > 1);
  for (const [name, examples] of schemas) {
    for (const value of examples) {
      contract.assertValid(["components", "schemas", name], value, name);
    }
  }
});

Deno.test("an answer that is not described is found out", async () => {
  const contract = new Contract(document);
  const kept = (path: string, response: Response) => contract.assertKept("GET", path, response);
  await kept("/healthz", Response.json({ alive: true }));
  for (
    const [path, response, why] of [
      ["/healthz", Response.json({ alive: "yes" }), /alive must be boolean/],
      ["/healthz", Response.json({ alive: true, load: 1 }), /must NOT have additional properties/],
      ["/healthz", Response.json({ alive: true }, { status: 201 }), /not described/],
      ["/healthz", new Response("yes"), /type text\/plain;charset=UTF-8, which is not described/],
      ["/readyz", Response.json({}, { status: 503 }), /without Retry-After/],
      ["/nowhere", Response.json({}), /falsy value/],
    ] as const
  ) {
    await assert.rejects(() => kept(path, response), why);
  }
});
