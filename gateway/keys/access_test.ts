/** Who may do what, at every operation that the OpenAPI document has. */
import assert from "node:assert/strict";
import { MODEL } from "../../shared/testing/broker.ts";
import { placesOf } from "../docs/document.ts";
import { openApp, type OpenedApp, PHOTO, problem } from "../testing/app.ts";
import { type ApiKey, keyDigest, newApiKey } from "./api_key.ts";

const KEYS = {
  ada: newApiKey(),
  bob: newApiKey(),
  /** For another model than the one that is served. */
  eve: newApiKey(),
  root: newApiKey(),
} as const;

const known: ApiKey[] = Object.entries(KEYS).map(([name, key]) => ({
  name,
  digest: keyDigest(key),
  role: name === "root" ? "admin" : "client",
  ...(name === "eve" && { models: ["hers"] }),
}));

/** An id of the right form that no job has. */
const UNKNOWN = "0-00000000-0000-4000-8000-000000000000";

interface Target {
  readonly title: string;
  readonly path: string;
  /** Roles that are asked for; undefined where no key is needed. */
  readonly roles: readonly string[] | undefined;
  ask(key: string | undefined, place?: { id?: string; model?: string }): Promise<Response>;
}

/** Every operation, ready to be asked with some key about some job. */
async function targetsOf({ app }: OpenedApp): Promise<Target[]> {
  const document = await (await app.request("/openapi.json")).json();
  return placesOf(document).map(({ verb, path, operation }) => ({
    title: `${verb} ${path}`,
    path,
    roles: operation.security[0]?.key,
    ask: (key, { id = UNKNOWN, model = MODEL } = {}) =>
      app.request(path.replace("{id}", id).replace("{name}", model), {
        method: verb,
        headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
        // Too short to be an image: nothing that is let pass becomes a job.
        ...(verb === "POST" && { body: PHOTO.slice(0, 3) }),
      }),
  }));
}

/** Its body may have no end. */
async function statusOf(asked: Promise<Response>): Promise<number> {
  const { status, body } = await asked;
  await body?.cancel();
  return status;
}

Deno.test("every operation but the open ones is 401 without a key and with a wrong one", async () => {
  await using opened = await openApp({ keys: known });
  for (const { title, roles, ask } of await targetsOf(opened)) {
    for (const key of [undefined, newApiKey()]) {
      const status = await statusOf(ask(key));
      assert.equal(status === 401, roles !== undefined, `${title} answers ${status}`);
    }
  }
});

Deno.test("every operation for administrators is 403 to a client, and no other is", async () => {
  await using opened = await openApp({ keys: known });
  for (const { title, roles, ask } of await targetsOf(opened)) {
    const status = await statusOf(ask(KEYS.ada));
    assert.equal(status === 403, roles?.includes("admin") ?? false, `${title} answers ${status}`);
    const admin = await statusOf(ask(KEYS.root));
    assert(admin !== 401 && admin !== 403, `${title} answers ${admin} to an administrator`);
  }
});

Deno.test("every operation on another key's job is 404, as if there were no such job", async () => {
  await using opened = await openApp({ keys: known });
  const headers = { authorization: `Bearer ${KEYS.ada}` };
  const { id } = await (await opened.post("/v1/jobs", { headers })).json();
  const targets = (await targetsOf(opened)).filter(({ path }) => path.startsWith("/v1/jobs/{id}"));
  assert(targets.length > 1);
  for (const { ask } of targets) {
    const [others, unknown] = [await ask(KEYS.bob, { id }), await ask(KEYS.bob)];
    assert.equal(
      await problem(others, 404, "not_found"),
      await problem(unknown, 404, "not_found"),
    );
  }
  assert.equal((await opened.broker.queue.get(id))?.state, "queued");
});

Deno.test("every operation on a model that is not the key's is 404, as if there were no such model", async () => {
  await using opened = await openApp({ keys: known });
  const headers = { authorization: `Bearer ${KEYS.eve}` };
  const targets = (await targetsOf(opened)).filter(({ path }) => path.includes("/models/{name}"));
  assert(targets.length > 1);
  for (const { title, ask } of targets) {
    const [others, unknown] = [await ask(KEYS.eve), await ask(KEYS.eve, { model: "unknown" })];
    assert.equal(others.status, 404, title);
    assert.deepEqual(await others.json(), await unknown.json(), title);
  }
  for (const path of ["/predict", "/v1/jobs"]) {
    const [others, unknown, byDefault] = await Promise.all(
      [`?model=${MODEL}`, "?model=unknown", ""].map((query) =>
        opened.post(path + query, { headers })
      ),
    );
    assert.equal(
      await problem(others!, 404, "not_found"),
      await problem(unknown!, 404, "not_found"),
    );
    assert.equal(await problem(byDefault!, 404, "not_found"), "no model is the default");
  }
  const { models } = await (await opened.app.request("/v1/models", { headers })).json();
  assert.deepEqual(models, []);
  assert.deepEqual(await opened.broker.redis.client.keys("weir:*:job:*"), []);
});
