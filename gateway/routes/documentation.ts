/**
 * What is served, described.
 *
 * @module
 */
import { openApiDocument } from "../openapi.ts";
import { route, type RouteGroup } from "../route.ts";

/** @param groups all that is served, this included */
export function documentationRoutes(groups: () => readonly RouteGroup[]): RouteGroup {
  let document: string | undefined;
  const openApi = route({
    method: "GET",
    access: "anyone",
    path: "/openapi.json",
    id: "openApi",
    summary: "Describe what is served, for programs",
    answers: { 200: { description: "This document", content: { "application/json": {} } } },
    problems: [],
    handle: () => {
      document ??= JSON.stringify(openApiDocument(groups()));
      return new Response(document, { headers: { "content-type": "application/json" } });
    },
  });
  return { name: "Documentation", description: "This document.", routes: [openApi] };
}
