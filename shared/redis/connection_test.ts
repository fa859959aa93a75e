import fc from "fast-check";
import assert from "node:assert/strict";
import { RECONNECT_PAUSE_MAX_MS, reconnectPause, unavailable } from "./connection.ts";

Deno.test("reconnecting pauses double up to their bound, half of each left to chance", () => {
  assert.equal(reconnectPause(1, () => 0), 25);
  assert.equal(reconnectPause(1, () => 1), 50);
  assert.equal(reconnectPause(3, () => 0), 100);
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(fc.property(fc.integer({ min: 1, max: 5_000 }), chance, (attempt, random) => {
    const pause = reconnectPause(attempt, () => random);
    assert(25 <= pause && pause <= RECONNECT_PAUSE_MAX_MS);
    assert(pause >= reconnectPause(attempt, () => 0));
  }));
});

for (
  const [message, reason] of [
    ["OOM command not allowed when used memory > 'maxmemory'.", "full"],
    [
      "EXECABORT Transaction discarded because of: OOM command not allowed when used memory > " +
      "'maxmemory'.",
      "full",
    ],
    ["ERR max number of clients reached", "full"],
    ["ERR max requests limit exceeded. Limit: 500000, Usage: 500000", "full"],
    ["ERR max daily request limit exceeded. Limit: 10000, Usage: 10000", "full"],
    ["LOADING Redis is loading the dataset in memory", "away"],
    ["MISCONF Redis is configured to save RDB snapshots", "away"],
    ["READONLY You can't write against a read only replica.", "away"],
    ["connect ECONNREFUSED 127.0.0.1:6380", "away"],
    ["Command timed out", "away"],
  ] as const
) {
  Deno.test(`redis is ${reason} where it says "${message}"`, () => {
    const cause = new Error(message);
    const error = unavailable(cause);
    assert.equal(error.reason, reason);
    assert.equal(error.message, message);
    assert.equal(error.cause, cause);
    assert.equal(unavailable(error), error);
  });
}
