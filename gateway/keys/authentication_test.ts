import assert from "node:assert/strict";
import { openApp, type OpenedApp, PHOTO, problem } from "../testing/app.ts";
import { type ApiKey, keyDigest, newApiKey } from "./api_key.ts";

/** Keys by name; only their digests are known. */
const KEYS = {
  ada: { key: newApiKey(), role: "client" },
  bob: { key: newApiKey(), role: "client" },
  root: { key: newApiKey(), role: "admin" },
} as const;
type Name = keyof typeof KEYS;

const known: ApiKey[] = Object.entries(KEYS).map(([name, { key, ...rest }]) => ({
  name,
  digest: keyDigest(key),
  ...rest,
}));

function bearer(name: Name): Record<string, string> {
  return { authorization: `Bearer ${KEYS[name].key}` };
}

async function get(
  { app }: OpenedApp,
  path: string,
  headers: Record<string, string>,
  method = "GET",
): Promise<Response> {
  return await app.request(path, { method, headers });
}

/** Submits a photo and gives the job's path. */
async function submit(opened: OpenedApp, name: Name, headers = {}): Promise<string> {
  const response = await opened.post("/v1/jobs", { headers: { ...bearer(name), ...headers } });
  assert.equal(response.status, 202, await response.text());
  return response.headers.get("location")!;
}

Deno.test("without a key, or with a wrong one, all but what is open is 401", async () => {
  await using opened = await openApp({ keys: known });
  const routes = [
    ["POST", "/predict"],
    ["POST", "/v1/jobs"],
    ["GET", "/v1/jobs/0-00000000-0000-4000-8000-000000000000"],
    ["DELETE", "/v1/jobs/0-00000000-0000-4000-8000-000000000000"],
    ["GET", "/v1/models"],
    ["GET", "/admin/dead"],
    ["GET", "/no/such/path"],
  ] as const;
  const wrong = [
    [{}, 'Bearer realm="weir"'],
    ...["", "Bearer", "Bearer ", `Bearer ${newApiKey()}`, `Basic ${KEYS.ada.key}`, KEYS.ada.key]
      .concat(`Bearer ${KEYS.ada.key} x`, `Bearer ${KEYS.ada.key}=`)
      .map((authorization) =>
        [{ authorization }, 'Bearer realm="weir", error="invalid_token"'] as const
      ),
  ] as const;
  for (const [method, path] of routes) {
    for (const [headers, challenge] of wrong) {
      const body = method === "POST" ? PHOTO : null;
      const response = await opened.app.request(path, { method, headers, body });
      assert.equal(response.headers.get("www-authenticate"), challenge);
      await problem(response, 401, "unauthorized");
    }
  }
  assert.deepEqual(await opened.broker.redis.client.keys("weir:*:job:*"), []);
});

Deno.test("probes need no key", async () => {
  await using opened = await openApp({ keys: known });
  for (const path of ["/healthz", "/readyz"]) {
    assert.equal((await get(opened, path, {})).status, 200);
  }
});

Deno.test("the scheme's name may be written in any case", async () => {
  await using opened = await openApp({ keys: known });
  const headers = { authorization: `bearer  ${KEYS.ada.key}` };
  assert.equal((await get(opened, "/v1/models", headers)).status, 200);
});

Deno.test("a client that administers is 403", async () => {
  await using opened = await openApp({ keys: known });
  for (
    const [method, path] of [
      ["GET", "/admin/dead"],
      ["DELETE", "/admin/dead/0-00000000-0000-4000-8000-000000000000"],
      ["POST", "/admin/dead/0-00000000-0000-4000-8000-000000000000/replay"],
      ["GET", "/admin/nothing"],
      ["GET", "/admin"],
    ] as const
  ) {
    const response = await get(opened, path, bearer("ada"), method);
    assert.equal(await problem(response, 403, "forbidden"), "the API key's role is not admin");
  }
  assert.equal((await get(opened, "/admin/dead", bearer("root"))).status, 200);
});

Deno.test("another key's job is as if it were not there, but not for administrators", async () => {
  await using opened = await openApp({ keys: known });
  const path = await submit(opened, "ada");
  assert.equal((await get(opened, path, bearer("ada"))).status, 200);
  for (const method of ["GET", "DELETE"]) {
    await problem(await get(opened, path, bearer("bob"), method), 404, "not_found");
    const waiting = { ...bearer("bob"), prefer: "wait=30" };
    await problem(await get(opened, path, waiting, method), 404, "not_found");
  }
  assert.equal((await get(opened, path, bearer("root"))).status, 200);
  assert.equal((await get(opened, path, bearer("ada"), "DELETE")).status, 200);
});

Deno.test("an idempotency key is the API key's own", async () => {
  await using opened = await openApp({ keys: known });
  const once = { "idempotency-key": "once" };
  const path = await submit(opened, "ada", once);
  assert.equal(await submit(opened, "ada", once), path);
  assert.notEqual(await submit(opened, "root", once), path);
});
