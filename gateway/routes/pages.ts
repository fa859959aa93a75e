/**
 * Pages: what a browser shows.
 *
 * @module
 */
import type { Page } from "../page.ts";
import { route, type RouteGroup } from "../route.ts";

export function pageRoutes({ files }: Page): RouteGroup {
  const routes = files.map(({ path, id, summary, content, headers }) =>
    route({
      method: "GET",
      access: "anyone",
      path,
      id,
      summary,
      answers: { 200: { description: "The file", content: { [headers["content-type"]]: {} } } },
      problems: [],
      handle: () => new Response(content, { headers }),
    })
  );
  return { name: "Pages", description: "For browsers.", routes };
}
