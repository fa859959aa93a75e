/**
 * What is served, described: for programs, and for people.
 *
 * @module
 */
import { docsPage } from "../docs/page.ts";
import { type OpenApiDocument, openApiDocument } from "../openapi.ts";
import { type Route, route, type RouteGroup } from "../route.ts";

/** @param groups all that is served, this included */
export function documentationRoutes(groups: () => readonly RouteGroup[]): RouteGroup {
  const document = once(() => openApiDocument(groups()));
  return {
    name: "Documentation",
    description: "What you are reading.",
    routes: [openApi(document), docs(document)],
  };
}

function openApi(document: () => OpenApiDocument): Route {
  const json = once(() => JSON.stringify(document()));
  return route({
    method: "GET",
    access: "anyone",
    path: "/openapi.json",
    id: "openApi",
    summary: "Describe what is served, for programs",
    answers: { 200: { description: "An OpenAPI document", content: { "application/json": {} } } },
    problems: [],
    handle: () => new Response(json(), { headers: { "content-type": "application/json" } }),
  });
}

function docs(document: () => OpenApiDocument): Route {
  const page = once(() => docsPage(document()));
  const type = "text/html; charset=utf-8";
  return route({
    method: "GET",
    access: "anyone",
    path: "/docs",
    id: "docs",
    summary: "Describe what is served, for people",
    answers: { 200: { description: "A page", content: { [type]: {} } } },
    problems: [],
    handle: async () => new Response(await page(), { headers: { "content-type": type } }),
  });
}

/** Puts off what takes a while until it is asked for, and then keeps it. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => made ??= make();
}
