/**
 * A route as one value: what checks and serves a request also documents it.
 *
 * Owns the reading of parameters. Never reads a body: that is its handler's.
 * Invariant: a handler sees parameters only as its schemas let them through.
 *
 * @module
 */
import type { Hono } from "hono";
import { z } from "zod";
import type { ZodOpenApiRequestBodyObject, ZodOpenApiResponseObject } from "zod-openapi";
import type { ErrorCode, Fault } from "../shared/errors.ts";
import type { Tracing } from "../shared/tracing.ts";
import type { Authenticated } from "./keys/authentication.ts";
import type { Caller } from "./keys/caller.ts";
import { problemResponse } from "./problem.ts";

type Shape = z.core.$ZodShape;
type None = Record<never, never>;
type Method = "GET" | "POST" | "DELETE";

/** Who may ask: `anyone` without a key, `client` with a key, `admin` with a key of that role. */
export type Access = "anyone" | "client" | "admin";

/** What a handler is given: the request, its body unread, its sender and its parameters. */
export interface Call<P extends Shape = None, Q extends Shape = None, H extends Shape = None> {
  readonly request: Request;
  /** Unknown where anyone may ask. */
  readonly caller: Caller;
  readonly params: z.output<z.ZodObject<P>>;
  readonly query: z.output<z.ZodObject<Q>>;
  readonly headers: z.output<z.ZodObject<H>>;
}

/** What a document says of a route. */
interface Described {
  readonly method: Method;
  /** The path as the router writes it: `/v1/jobs/:id`. */
  readonly path: string;
  readonly access: Access;
  /** Unique name, as generated clients call it. */
  readonly id: string;
  /** What it does, in a few words. */
  readonly summary: string;
  /** What else there is to know. */
  readonly description?: string;
  /** Its body, which the handler reads by itself. */
  readonly body?: ZodOpenApiRequestBodyObject;
  /** Its answers by status, problems apart. */
  readonly answers: Readonly<Record<number, ZodOpenApiResponseObject>>;
  /** Problems that it can answer, besides those that follow from the rest and from bugs. */
  readonly problems: readonly ErrorCode[];
}

/** A route as its file declares it. */
export interface RouteSpec<P extends Shape, Q extends Shape, H extends Shape>
  extends Omit<Described, "access"> {
  /** `client` where it is not said. */
  readonly access?: Access;
  /** Parameters in the path; what a schema refuses is nowhere to be found: `not_found`. */
  readonly params?: P;
  /** Parameters in the query, each known by its name; without any, the query is ignored. */
  readonly query?: Q;
  /** Headers that matter, under their usual names. */
  readonly headers?: H;
  readonly handle: (call: Call<P, Q, H>) => Response | Promise<Response>;
}

/** A route, ready to be served and described. */
export interface Route extends Described {
  readonly schemas: Schemas;
  /** Answers a request of a caller, given what stands in the path for its parameters. */
  readonly serve: (
    request: Request,
    caller: Caller,
    params: Readonly<Record<string, string>>,
  ) => Promise<Response>;
}

interface Schemas {
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  readonly headers: z.ZodObject;
}

/** Routes that belong together, as the document's reader sees them. */
export interface RouteGroup {
  readonly name: string;
  readonly description: string;
  readonly routes: readonly Route[];
}

/**
 * Makes a route.
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * import { json, route } from "./route.ts";
 *
 * route({
 *   method: "GET",
 *   path: "/echo",
 *   id: "echo",
 *   summary: "Say it again",
 *   query: { text: z.string() },
 *   answers: { 200: json("what was said", z.string()) },
 *   problems: [],
 *   handle: ({ query }) => Response.json(query.text),
 * });
 * ```
 */
export function route<P extends Shape = None, Q extends Shape = None, H extends Shape = None>(
  spec: RouteSpec<P, Q, H>,
): Route {
  const { params = {}, query, headers = {}, handle, access = "client", problems, ...described } =
    spec;
  const schemas = {
    params: z.object(params),
    query: query === undefined ? z.object({}) : z.strictObject(query),
    headers: z.object(headers),
  };
  const implied: ErrorCode[] = ["internal_error", "invalid_request"];
  if (access !== "anyone") implied.push("unauthorized");
  if (access === "admin") implied.push("forbidden");
  if (Object.keys(params).length > 0) implied.push("not_found");
  return {
    ...described,
    access,
    problems: [...new Set([...implied, ...problems])],
    schemas,
    serve: async (request, caller, found) => {
      const read = readParameters(schemas, request, found);
      if (!read.ok) return problemResponse(read);
      return await handle({ request, caller, ...read.parameters } as Call<P, Q, H>);
    },
  };
}

/** Describes an answer of JSON. */
export function json(
  description: string,
  schema: z.ZodType,
  headers?: z.ZodObject,
): ZodOpenApiResponseObject {
  return {
    description,
    ...(headers !== undefined && { headers }),
    content: { "application/json": { schema } },
  };
}

/** Serves routes; another verb at a path of theirs is answered with those that there are. */
export function mount(
  app: Hono<Authenticated>,
  routes: readonly Route[],
  tracing: Pick<Tracing, "route">,
): void {
  for (const { method, path, serve } of routes) {
    app.on(method, path, (c) => {
      tracing.route(method, path);
      return serve(c.req.raw, c.get("caller"), c.req.param()).catch(rethrowError);
    });
  }
  for (const [path, served] of Map.groupBy(routes, ({ path }) => path)) {
    const allow = served.map(({ method }) => method).join(", ");
    app.all(path, (c) => {
      const detail = `${c.req.method} is not served here, ${allow} is`;
      return problemResponse({ code: "method_not_allowed", detail }, { allow });
    });
  }
}

/** The router's error handler passes over what is no Error: that would escape it. */
function rethrowError(thrown: unknown): never {
  throw thrown instanceof Error ? thrown : new Error(`what was thrown is ${Deno.inspect(thrown)}`);
}

type Read =
  | { readonly ok: true; readonly parameters: Readonly<Record<keyof Schemas, unknown>> }
  | ({ readonly ok: false } & Fault);

function readParameters(
  schemas: Schemas,
  request: Request,
  found: Readonly<Record<string, string>>,
): Read {
  const params = schemas.params.safeParse(found);
  if (!params.success) {
    return { ok: false, code: "not_found", detail: params.error.issues[0]!.message };
  }
  const query = schemas.query.safeParse(
    Object.fromEntries(new URL(request.url).searchParams),
  );
  if (!query.success) return invalid("parameter", query.error);
  const headers = schemas.headers.safeParse(Object.fromEntries(
    Object.keys(schemas.headers.shape).map((
      name,
    ) => [name, request.headers.get(name) ?? undefined]),
  ));
  if (!headers.success) return invalid("header", headers.error);
  return {
    ok: true,
    parameters: { params: params.data, query: query.data, headers: headers.data },
  };
}

function invalid(kind: "parameter" | "header", { issues }: z.ZodError): Read {
  const issue = issues[0]!;
  const [name, state] = issue.code === "unrecognized_keys"
    ? [issue.keys[0], "is unknown"]
    : [issue.path[0], issue.message];
  return { ok: false, code: "invalid_request", detail: `${kind} "${String(name)}" ${state}` };
}
