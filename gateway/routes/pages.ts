/**
 * Pages: what a browser shows.
 *
 * @module
 */
import { z } from "zod";
import type { ZodOpenApiResponseObject } from "zod-openapi";
import { LIBRARY_PATH, PAGE_PATH, PAGE_TYPES, type PageFile, type PageFiles } from "../page.ts";
import { noSuch, problemResponse } from "../problem.ts";
import { type Route, route, type RouteGroup } from "../route.ts";

const FileName = z.string().meta({ description: "Name of the file" });

/** What the browser has already it need not be sent again. */
const IfNoneMatch = z.string().optional().meta({ description: "Tags of what the client has" });

const HEADERS = z.object({ ETag: z.string().meta({ description: "Tag of the content" }) });

export function pageRoutes(files: PageFiles): RouteGroup {
  return {
    name: "Pages",
    description: "For browsers.",
    routes: [
      pageRoute(files, { path: "/", id: "page", summary: "Show the page to try photos" }),
      pageRoute(files, {
        path: "/dashboard",
        id: "dashboardPage",
        summary: "Show what the deployment is doing",
      }),
      filesRoute(files),
      librariesRoute(files),
    ],
  };
}

/** A page at an address of its own. */
function pageRoute(
  files: PageFiles,
  { path, id, summary }: Readonly<Record<"path" | "id" | "summary", string>>,
): Route {
  return route({
    method: "GET",
    access: "anyone",
    path,
    id,
    summary,
    headers: { "If-None-Match": IfNoneMatch },
    answers: answersOf(["text/html; charset=utf-8"]),
    problems: ["not_found"],
    handle: ({ headers }) => answer(files.get(path), headers["If-None-Match"]),
  });
}

function filesRoute(files: PageFiles): Route {
  return route({
    method: "GET",
    access: "anyone",
    path: `${PAGE_PATH}/:name`,
    id: "pageFile",
    summary: "Get a file of a page",
    params: { name: FileName },
    headers: { "If-None-Match": IfNoneMatch },
    answers: answersOf(PAGE_TYPES),
    problems: [],
    handle: ({ params, headers }) =>
      answer(files.get(`${PAGE_PATH}/${params.name}`), headers["If-None-Match"]),
  });
}

function librariesRoute(files: PageFiles): Route {
  return route({
    method: "GET",
    access: "anyone",
    path: `${LIBRARY_PATH}/:library/:name`,
    id: "libraryFile",
    summary: "Get a module of a library that a page uses",
    params: { library: z.string().meta({ description: "Name of the library" }), name: FileName },
    headers: { "If-None-Match": IfNoneMatch },
    answers: answersOf(PAGE_TYPES),
    problems: [],
    handle: ({ params: { library, name }, headers }) =>
      answer(files.get(`${LIBRARY_PATH}/${library}/${name}`), headers["If-None-Match"]),
  });
}

function answersOf(types: readonly string[]): Record<number, ZodOpenApiResponseObject> {
  return {
    200: {
      description: "The file",
      headers: HEADERS,
      content: Object.fromEntries(types.map((type) => [type, {}])),
    },
    304: { description: "The client has it already", headers: HEADERS },
  };
}

function answer(file: PageFile | undefined, tags: string | undefined): Response {
  if (file === undefined) return problemResponse(noSuch("file"));
  const { content, headers } = file;
  // RFC 9110, section 13.1.2: tags are compared without regard to their being weak.
  const had = tags?.split(",").some((tag) => tag.trim().replace(/^W\//, "") === headers.etag);
  return had ? new Response(null, { status: 304, headers }) : new Response(content, { headers });
}
