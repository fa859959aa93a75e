import assert from "node:assert/strict";
import { BrokerUnavailable } from "./broker.ts";
import { farewell } from "./farewell.ts";
import { keptLog } from "./testing/kept_log.ts";

Deno.test("farewell is said without a word where the broker answers", async () => {
  const log = keptLog();
  let tidy = false;
  await farewell(log, () => Promise.resolve(void (tidy = true)));
  assert.deepEqual([tidy, log.lines], [true, []]);
});

Deno.test("farewell is left unsaid where the broker is away", async () => {
  const log = keptLog();
  await farewell(log, () => Promise.reject(new BrokerUnavailable("away", "Command timed out")));
  assert.deepEqual(log.lines, [{
    level: "warn",
    message: "leaving without tidying up",
    fields: { error: "Command timed out" },
  }]);
});

Deno.test("farewell does not hide a bug", async () => {
  const bug = new TypeError("undefined is no function");
  await assert.rejects(farewell(keptLog(), () => Promise.reject(bug)), bug);
});
