import assert from "node:assert/strict";
import { openApp } from "./testing/app.ts";

/** Counts by `METHOD ROUTE STATUS CODE`. */
async function counts(scrape: () => Promise<Response>): Promise<Record<string, number>> {
  const lines = (await (await scrape()).text()).matchAll(
    /^weir_http_requests_total\{route="(.*)",method="(.*)",status="(.*)",code="(.*)"\} (\d+)$/gm,
  );
  return Object.fromEntries(
    [...lines].map(([, route, method, status, code, count]) =>
      [`${method} ${route} ${status} ${code}`.trim(), Number(count)] as const
    ),
  );
}

Deno.test("requests are counted by route and outcome, under names that no client makes", async () => {
  await using opened = await openApp();
  const { app } = opened;
  const ask = async (method: string, path: string, body?: string) => {
    const init = body === undefined ? { method } : { method, body };
    await (await app.request(path, init)).body?.cancel();
  };
  await ask("GET", "/healthz");
  await ask("GET", "/v1/jobs/0-5f8a3a9e-3c07-4c0e-9d3c-2f1f7c1f6b52");
  await ask("GET", "/v1/jobs/nonsense");
  await ask("POST", "/predict", "no photo");
  await ask("POST", "/v2/models/nobody/infer", "{}");
  await ask("BREW", "/coffee/1");
  await ask("BREW", "/coffee/2");
  await ask("PUT", "/predict");
  const found = await counts(async () => await app.request("/metrics"));
  // Asked for by the app of the tests, to hold answers against it.
  delete found["GET /openapi.json 200"];
  assert.deepEqual(found, {
    "GET /healthz 200": 1,
    "GET /v1/jobs/:id 404 not_found": 2,
    "POST /predict 415 unsupported_media_type": 1,
    "POST /v2/models/:name/infer 404 not_found": 1,
    "other other 404 not_found": 2,
    "other /predict 405 method_not_allowed": 1,
  });
});
