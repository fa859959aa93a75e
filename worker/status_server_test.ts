import assert from "node:assert/strict";
import { Registry } from "prom-client";
import { gauge } from "../shared/metrics.ts";
import { Scrape } from "../shared/testing/scrape.ts";
import { StatusServer } from "./status_server.ts";

interface Opened extends AsyncDisposable {
  readonly url: string;
  /** Why the worker is not ready. */
  reason: string | undefined;
}

async function open(): Promise<Opened> {
  const metrics = new Registry();
  gauge(metrics, "weir_answer", "The answer", () => 42);
  const listening = Promise.withResolvers<string>();
  const server = new StatusServer({
    hostname: "127.0.0.1",
    port: 0,
    metrics,
    whyNotReady: () => opened.reason,
    onListen: listening.resolve,
  });
  const opened: Opened = {
    url: await listening.promise,
    reason: undefined,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
  return opened;
}

Deno.test("a worker's status server gives metrics to whoever scrapes", async () => {
  await using opened = await open();
  assert.equal((await Scrape.of(opened.url)).value("weir_answer"), 42);
});

Deno.test("it says that the process lives, and whether and why not it takes jobs", async () => {
  await using opened = await open();
  const ask = async (path: string) => {
    const response = await fetch(opened.url + path);
    return [response.status, await response.json()];
  };
  assert.deepEqual(await ask("/healthz"), [200, { alive: true }]);
  assert.deepEqual(await ask("/readyz"), [200, { ready: true }]);
  opened.reason = "it is draining";
  assert.deepEqual(await ask("/readyz"), [503, { ready: false, reason: "it is draining" }]);
  assert.deepEqual(await ask("/healthz"), [200, { alive: true }]);
});

Deno.test("it serves nothing else, and takes nothing in", async () => {
  await using opened = await open();
  const status = async (path: string, method: string) => {
    const response = await fetch(opened.url + path, { method });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await status("/", "GET"), 404);
  assert.equal(await status("/metrics/more", "GET"), 404);
  assert.equal(await status("/metrics", "POST"), 405);
  assert.equal(await status("/metrics", "HEAD"), 200);
});

Deno.test("a port that something else has is refused in a sentence", () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const parts = { hostname: "127.0.0.1", port, metrics: new Registry(), onListen: () => {} };
  assert.throws(() => new StatusServer({ ...parts, whyNotReady: () => undefined }), {
    name: "ListenError",
    message: `cannot listen at http://127.0.0.1:${port}: Address already in use`,
  });
});
