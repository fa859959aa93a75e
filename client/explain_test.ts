/** The client of stories, against a gateway's own application on a real Redis. */
import assert from "node:assert/strict";
import { keyDigest, newApiKey } from "../gateway/keys/api_key.ts";
import { submit } from "../shared/testing/broker.ts";
import { explain } from "./explain.ts";
import { run, serveApp } from "./testing/commands.ts";

const UNKNOWN = "0-00000000-0000-4000-8000-000000000000";

Deno.test("a story is told in text and as JSON, and where there is none, why", async () => {
  await using served = await serveApp();
  const { opened, url } = served;
  const tell = (id: string, json = false) => run((least) => explain({ ...least, id, url, json }));
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const id = await submit(opened.broker, { traceparent });
  await opened.answer();
  const told = await tell(id);
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

  const json = await tell(id, true);
  assert.equal(JSON.parse(json.text).job.state, "succeeded");
  const none = await tell(UNKNOWN);
  assert.equal(none.code, 1);
  assert.match(none.text, /^no such job: it never existed, .+ its record is gone, 60 s after/);
  const { error } = JSON.parse((await tell(UNKNOWN, true)).text);
  assert.equal(error.code, "not_found");
});

Deno.test("where a key is needed, the command says how it is given one", async () => {
  const digest = keyDigest(newApiKey());
  await using served = await serveApp({ keys: [{ name: "ada", digest, role: "client" }] });
  const { url } = served;
  const tell = (key: string | undefined) =>
    run((least) => explain({ ...least, id: UNKNOWN, url, key }));
  assert.deepEqual(await tell(undefined), {
    code: 1,
    text: "an API key is needed: name its file with --key-file, or set WEIR_API_KEY",
  });
  assert.deepEqual(await tell(newApiKey()), { code: 1, text: "the API key is not known" });
});
