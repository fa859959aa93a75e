/**
 * The OpenAPI 3.1 document, made of the routes themselves.
 *
 * Owns how a route becomes an operation. Never says anything of a route that it does not serve.
 * Invariant: every route, and every code of the problem table, is in the document.
 *
 * @module
 */
import { z } from "zod";
import {
  createDocument,
  type ZodOpenApiObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponseObject,
} from "zod-openapi";
import { ERROR_CODES, type ErrorCode } from "../shared/errors.ts";
import { fault, isRetryable, PROBLEM_TYPE, problemOf, PROBLEMS, ProblemSchema } from "./problem.ts";
import type { Route, RouteGroup } from "./route.ts";

/** Version of the HTTP interface. */
export const API_VERSION = "1";

export type OpenApiDocument = ReturnType<typeof createDocument>;

const DESCRIPTION = [
  "Photos in, classes out. A photo becomes a job, and a worker does it; `POST /predict` waits for it.",
  "Every answer that is not a success is a problem (RFC 9457) with a stable `code`, and any route",
  "can answer `internal_error`. For a method that a path does not serve, the code is",
  "`method_not_allowed`, and the `Allow` header names the right ones. Every answer has an",
  "`X-Request-Id`, which the log has too: the request's own if it sent one. Answers to an API key",
  "with a quota have a `RateLimit-Policy`; answers to a job that it submits also have a `RateLimit`",
  "that says what is left.",
].join(" ");

const KEY = "An API key, if the gateway has any: without keys it serves only loopback.";

/** Makes the document of some routes. */
export function openApiDocument(groups: readonly RouteGroup[]): OpenApiDocument {
  const paths: ZodOpenApiPathsObject = {};
  for (const { name, routes } of groups) {
    for (const route of routes) {
      const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
      const operation = { tags: [name], ...operationOf(route) };
      paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation };
    }
  }
  const document: ZodOpenApiObject = {
    openapi: "3.1.1",
    info: {
      title: "Weir",
      version: API_VERSION,
      description: DESCRIPTION,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: groups.map(({ name, description }) => ({ name, description })),
    paths,
    components: {
      schemas: { Problem: ProblemSchema },
      examples: problemExamples(),
      securitySchemes: { key: { type: "http", scheme: "bearer", description: KEY } },
    },
  };
  return createDocument(document, {
    // What JavaScript can hold at most is no bound that a client need know.
    override: ({ jsonSchema }) => {
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
}

function operationOf(route: Route): ZodOpenApiOperationObject {
  const { id, summary, description, access, body, answers, problems, schemas } = route;
  return {
    operationId: id,
    summary,
    // What stands in the brackets are roles.
    security: access === "anyone" ? [] : [{ key: access === "admin" ? ["admin"] : [] }],
    ...(description !== undefined && { description }),
    requestParams: { path: schemas.params, query: schemas.query, header: schemas.headers },
    ...(body !== undefined && { requestBody: body }),
    responses: { ...answers, ...problemsByStatus(problems) },
  };
}

/** The problems that a route can answer; those of one status are one answer. */
function problemsByStatus(
  codes: readonly ErrorCode[],
): Record<number, ZodOpenApiResponseObject> {
  const byStatus = Map.groupBy(codes, (code) => PROBLEMS[code].status);
  return Object.fromEntries([...byStatus].map(([status, codes]) => [status, {
    description: codes.map((code) => PROBLEMS[code].title).join(", or "),
    ...(isRetryable(status) && { headers: RETRY_AFTER }),
    content: {
      [PROBLEM_TYPE]: {
        schema: { $ref: "#/components/schemas/Problem", properties: { code: { enum: codes } } },
        examples: Object.fromEntries(
          codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
        ),
      },
    },
  }]));
}

const RETRY_AFTER = z.object({
  "Retry-After": z.int().meta({ description: "Seconds after which to try again" }),
});

function problemExamples(): Record<ErrorCode, { summary: string; value: unknown }> {
  return Object.fromEntries(
    ERROR_CODES.map((code) => [code, {
      summary: PROBLEMS[code].title,
      value: problemOf(fault(code)),
    }]),
  ) as Record<ErrorCode, { summary: string; value: unknown }>;
}
