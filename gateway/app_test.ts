import assert from "node:assert/strict";
import { BrokerUnavailable } from "../shared/broker.ts";
import { openBareApp as open, problem } from "./testing/app.ts";

/** Members of a header that is a list. */
function listed({ headers }: Response, name: string): string[] {
  return (headers.get(name) ?? "").toLowerCase().split(/, */);
}

for (
  const [method, path, allow] of [
    ["GET", "/predict", "POST"],
    ["PUT", "/v1/jobs", "POST"],
    ["PATCH", "/v1/jobs/0-1", "GET, DELETE"],
    ["POST", "/v1/models", "GET"],
    ["DELETE", "/healthz", "GET"],
    ["POST", "/", "GET"],
  ] as const
) {
  Deno.test(`${method} ${path} is 405, and ${allow} is named`, async () => {
    const { app } = open();
    const response = await app.request(path, { method });
    assert.equal(response.headers.get("allow"), allow);
    const detail = await problem(response, 405, "method_not_allowed");
    assert.equal(detail, `${method} is not served here, ${allow} is`);
  });
}

Deno.test("a path that leads nowhere is 404", async () => {
  const { app } = open();
  for (const path of ["/nowhere", "/v1", "/predict/", "/page/../main.ts", "/%2e%2e/main.ts"]) {
    await problem(await app.request(path), 404, "not_found");
  }
});

Deno.test("HEAD is answered as GET, without its body", async () => {
  const { app } = open();
  const response = await app.request("/healthz", { method: "HEAD" });
  assert.deepEqual([response.status, await response.text()], [200, ""]);
});

Deno.test("an unknown fault is 500 without its internals, which the log has", async () => {
  const { app, log } = open({ models: () => Promise.reject(new TypeError("secret path /etc")) });
  const response = await app.request("/v1/models");
  const requestId = response.headers.get("x-request-id");
  const detail = await problem(response, 500, "internal_error");
  assert.equal(detail, "the fault is the server's, and was logged");
  const [line, ...more] = log.lines;
  assert.deepEqual(more, []);
  assert.deepEqual([line?.level, line?.fields.path, line?.fields.request], [
    "error",
    "/v1/models",
    requestId,
  ]);
  assert.match(String(line?.fields.error), /TypeError: secret path/);
});

Deno.test("what is thrown and no Error is 500 all the same, and logged once", async () => {
  for (const thrown of ["secret path /etc", undefined, new DOMException("/etc", "AbortError")]) {
    const { app, log } = open({ models: () => Promise.reject(thrown) });
    const response = await app.request("/v1/models");
    assert.doesNotMatch(await problem(response, 500, "internal_error"), /etc/);
    assert.deepEqual(log.lines.map(({ fields }) => fields.request), [
      response.headers.get("x-request-id"),
    ]);
  }
});

for (
  const [reason, code, level] of [["away", "busy", "warn"], [
    "full",
    "at_capacity",
    "error",
  ]] as const
) {
  Deno.test(`a broker that is ${reason} is 503 ${code}, logged as ${level}`, async () => {
    const { app, log } = open({
      models: () => Promise.reject(new BrokerUnavailable(reason, "10.0.0.7 said no")),
    });
    const response = await app.request("/v1/models");
    assert.equal(response.headers.get("retry-after"), "1");
    assert.doesNotMatch(await problem(response, 503, code), /10\.0\.0\.7/);
    assert.deepEqual(log.lines.map((line) => line.level), [level]);
  });
}

Deno.test("every answer has a request id, the client's own where it has one", async () => {
  const { app } = open();
  const paths = ["/", "/healthz", "/v1/models", "/nowhere"];
  const ids = await Promise.all(
    paths.map(async (path) => (await app.request(path)).headers.get("x-request-id")),
  );
  assert.equal(new Set(ids).size, paths.length);
  for (const id of ids) assert.match(id!, /^[\da-f-]{36}$/);
  const own = await app.request("/v1/models", { headers: { "x-request-id": "trace-17" } });
  assert.equal(own.headers.get("x-request-id"), "trace-17");
});

Deno.test("every answer says that its type is meant, and a page what it may load", async () => {
  const { app } = open();
  for (const path of ["/", "/docs", "/healthz", "/v1/models", "/openapi.json", "/nowhere"]) {
    const { headers } = await app.request(path);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("cross-origin-resource-policy"), "same-origin");
    const policy = headers.get("content-security-policy") ?? "";
    if (!headers.get("content-type")?.startsWith("text/html")) {
      assert.equal(policy, "");
      continue;
    }
    assert(policy.startsWith("default-src 'none'; script-src 'self'; "), policy);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*/);
    assert.equal(headers.get("referrer-policy"), "no-referrer");
  }
});

Deno.test("a file of the page is served with its type", async () => {
  const { app } = open();
  const response = await app.request("/");
  assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(await response.text(), "<!DOCTYPE html>");
});

Deno.test("origins on the list may ask from a page of theirs, and others not", async () => {
  const { app } = open({ corsOrigins: ["https://a.example", "https://b.example"] });
  for (
    const [origin, allowed] of [
      ["https://a.example", "https://a.example"],
      ["https://b.example", "https://b.example"],
      ["https://evil.example", null],
      ["https://a.example.evil.example", null],
      ["null", null],
    ] as const
  ) {
    const headers = { origin, "access-control-request-method": "POST" };
    for (const init of [{ headers: { origin } }, { method: "OPTIONS", headers }]) {
      const response = await app.request("/v1/models", init);
      assert.equal(response.headers.get("access-control-allow-origin"), allowed);
    }
  }
});

Deno.test("a page of another origin may send what the API takes, its key included", async () => {
  const { app } = open({ corsOrigins: ["https://a.example"], keys: { find: () => undefined } });
  const wanted = "authorization, content-type, idempotency-key, prefer, x-request-timeout-ms";
  const response = await app.request("/v1/jobs", {
    method: "OPTIONS",
    headers: {
      origin: "https://a.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": wanted,
    },
  });
  assert.equal(response.status, 204);
  assert.deepEqual(listed(response, "access-control-allow-methods"), ["get", "post", "delete"]);
  const allowed = listed(response, "access-control-allow-headers");
  for (const header of wanted.split(", ")) assert(allowed.includes(header), header);
  assert(!allowed.includes("cookie"));
  assert.equal(response.headers.get("access-control-allow-credentials"), null);
  assert.match(response.headers.get("vary")!, /\bOrigin\b/);
});

Deno.test("a page of another origin may read what an answer says beside its body", async () => {
  const { app } = open({ corsOrigins: ["https://a.example"], keys: { find: () => undefined } });
  const response = await app.request("/v1/models", { headers: { origin: "https://a.example" } });
  assert.equal(response.status, 401);
  assert.equal(response.headers.get("access-control-allow-origin"), "https://a.example");
  const exposed = listed(response, "access-control-expose-headers");
  for (
    const header of [
      ...["location", "preference-applied", "ratelimit", "ratelimit-policy", "retry-after"],
      ...["www-authenticate", "x-request-id"],
    ]
  ) {
    assert(exposed.includes(header), header);
  }
});

Deno.test("without a list nobody may ask from another origin", async () => {
  const { app } = open();
  const response = await app.request("/v1/models", { headers: { origin: "https://a.example" } });
  assert.equal(response.headers.get("access-control-allow-origin"), null);
});
