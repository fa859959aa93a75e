/** The client of dead letters, against a gateway's own application on a real Redis. */
import assert from "node:assert/strict";
import { parseJobId } from "../shared/job.ts";
import { bury, MODEL } from "../shared/testing/broker.ts";
import { discardDead, listDead, replayDead } from "./dead.ts";
import { run, serveApp } from "./testing/commands.ts";

const UNKNOWN = "0-00000000-0000-4000-8000-000000000000";
const ALL = { model: undefined, limit: undefined };

Deno.test("letters are shown as a table, newest first, and what does not fit is counted", async () => {
  await using served = await serveApp();
  const { opened: { broker }, url } = served;
  assert.deepEqual(await run((least) => listDead({ ...least, ...ALL, url })), {
    code: 0,
    text: "no dead letters",
  });
  const older = await bury(broker);
  const newer = await bury(broker, { images: [{ bytes: new Uint8Array(1000) }] });
  const { code, text } = await run((least) => listDead({ ...least, ...ALL, url }));
  assert.equal(code, 0);
  const [head, ...rows] = text.split("\n");
  const columns = ["FAILED AT", "ID", "MODEL", "ATTEMPTS", "IMAGES", "BYTES", "REASON"];
  assert.deepEqual(head!.split(/ {2,}/), columns);
  const starts = columns.map((name) => head!.indexOf(name));
  const cells = rows.map((row) => starts.map((at, i) => row.slice(at, starts[i + 1]).trimEnd()));
  assert.deepEqual(cells.map(([, ...others]) => others), [
    [newer, MODEL, "1", "1", "1000", "it was given up"],
    [older, MODEL, "1", "1", "4", "it was given up"],
  ]);
  for (const [failedAt] of cells) assert.match(failedAt!, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);

  const query = { model: MODEL, limit: "1" };
  const bounded = await run((least) => listDead({ ...least, ...query, url }));
  assert.equal(bounded.text.split("\n").at(-1), "the newest 1 of 2");
});

Deno.test("as JSON, the list is the gateway's, and a refusal is its error", async () => {
  await using served = await serveApp();
  const { opened: { broker }, url } = served;
  const id = await bury(broker);
  const { text } = await run((least) => listDead({ ...least, ...ALL, url, json: true }));
  const { letters, total } = JSON.parse(text);
  assert.deepEqual([letters.length, letters[0].id, total], [1, id, 1]);
  const query = { model: "other", limit: undefined };
  const refused = await run((least) => listDead({ ...least, ...query, url, json: true }));
  assert.equal(refused.code, 1);
  assert.deepEqual(JSON.parse(refused.text), {
    error: { code: "not_found", detail: "no such model" },
  });
});

Deno.test("letters are replayed one by one, and one that fails does not stop the others", async () => {
  await using served = await serveApp();
  const { opened: { broker }, url } = served;
  const [id, other] = [await bury(broker), await bury(broker)];
  const { code, text } = await run((least) => replayDead([UNKNOWN, id], { ...least, url }));
  assert.equal(code, 1);
  const [unknown, replayed] = text.split("\n");
  assert.equal(unknown, `${UNKNOWN}: no such dead letter`);
  const [, dead, job] = /^(\S+): replayed as (\S+)$/.exec(replayed!)!;
  assert.equal(dead, id);
  assert.equal((await broker.queue.get(parseJobId(job!)!))?.state, "queued");

  const both = await run((least) => replayDead([id, other], { ...least, url, json: true }));
  const [gone, accepted] = JSON.parse(both.text);
  assert.deepEqual(gone, { id, error: { code: "not_found", detail: "no such dead letter" } });
  assert.deepEqual([accepted.id, accepted.job.state], [other, "queued"]);
});

Deno.test("letters are discarded, and an id that cannot be one harms nothing", async () => {
  await using served = await serveApp();
  const { opened: { broker }, url } = served;
  const id = await bury(broker);
  const strange = await run((least) => discardDead(["a/b?c", ".."], { ...least, url }));
  assert.equal(strange.code, 1);
  assert.equal((await broker.letters.list(MODEL, 1))?.total, 1);
  assert.deepEqual(await run((least) => discardDead([id], { ...least, url })), {
    code: 0,
    text: `${id}: discarded`,
  });
  assert.equal((await broker.letters.list(MODEL, 1))?.total, 0);
  const again = await run((least) => discardDead([id], { ...least, url, json: true }));
  assert.deepEqual(JSON.parse(again.text), [
    { id, error: { code: "not_found", detail: "no such dead letter" } },
  ]);
});
