/** The client of stories, against a gateway's own application on a real Redis. */
import assert from "node:assert/strict";
import { keyDigest, newApiKey } from "../gateway/keys/api_key.ts";
import { openApp } from "../gateway/testing/app.ts";
import { submit } from "../shared/testing/broker.ts";
import { explain } from "./explain.ts";

const UNKNOWN = "0-00000000-0000-4000-8000-000000000000";

Deno.test("a story is told in text and as JSON, and where there is none, why", async () => {
  await using opened = await openApp();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    opened.app.fetch,
  );
  await using _ = { [Symbol.asyncDispose]: () => server.shutdown() };
  const url = `http://127.0.0.1:${server.addr.port}`;
  const run = async (id: string, json = false): Promise<{ code: number; text: string }> => {
    const lines: string[] = [];
    const { signal } = new AbortController();
    const write = (text: string) => void lines.push(text);
    const code = await explain({ id, url, key: undefined, json, write, signal });
    return { code, text: lines.join("\n") };
  };
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const id = await submit(opened.broker, { traceparent });
  await opened.answer();
  const told = await run(id);
  assert.equal(told.code, 0);
  const lines = told.text.split("\n");
  assert.equal(lines[0], `job ${id}, model shapes`);
  assert.match(lines[1]!, /^succeeded after [\d.]+ m?s/);
  assert.match(
    told.text,
    /^ +\+0 ms {2}gateway g1 took it in: 1 image, 4 bytes, for model shapes/m,
  );
  assert.match(told.text, /^ +\+[\d.]+ m?s {2}worker w1 began attempt 1$/m);
  assert.match(told.text, /^accepted 2\S+Z, readable until 2\S+Z$/m);
  assert.equal(lines.at(-1), "trace 0af7651916cd43dd8448eb211c80319c");

  const json = await run(id, true);
  assert.equal(JSON.parse(json.text).job.state, "succeeded");
  const none = await run(UNKNOWN);
  assert.equal(none.code, 1);
  assert.match(none.text, /^no such job: it never existed, .+ its record is gone, 60 s after/);
  const { error } = JSON.parse((await run(UNKNOWN, true)).text);
  assert.equal(error.code, "not_found");
});

Deno.test("where a key is needed, the command says how it is given one", async () => {
  const digest = await keyDigest(newApiKey());
  await using opened = await openApp({ keys: [{ name: "ada", digest, role: "client" }] });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    opened.app.fetch,
  );
  await using _ = { [Symbol.asyncDispose]: () => server.shutdown() };
  const url = `http://127.0.0.1:${server.addr.port}`;
  const run = async (key: string | undefined): Promise<string[]> => {
    const lines: string[] = [];
    const { signal } = new AbortController();
    const write = (text: string) => void lines.push(text);
    assert.equal(await explain({ id: UNKNOWN, url, key, json: false, write, signal }), 1);
    return lines;
  };
  assert.deepEqual(await run(undefined), [
    "an API key is needed: name its file with --key-file, or set WEIR_API_KEY",
  ]);
  assert.deepEqual(await run(newApiKey()), ["the API key is not known"]);
});
