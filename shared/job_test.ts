import fc from "fast-check";
import assert from "node:assert/strict";
import {
  bytesOf,
  FINAL_STATES,
  isFinal,
  LIVE_STATES,
  newJobId,
  parseJobId,
  shardOf,
} from "./job.ts";

Deno.test("job id names its shard and is read back", () => {
  fc.assert(fc.property(fc.nat(9_999), fc.uuid(), (shard, uuid) => {
    const id = newJobId(shard, () => uuid);
    assert.equal(parseJobId(id), id);
    assert.equal(shardOf(id), shard);
  }));
});

Deno.test("job id of the platform's own uuid is read back", () => {
  const id = newJobId(0, () => crypto.randomUUID());
  assert.equal(parseJobId(id), id);
});

const uuid = "0f8fad5b-d9cb-469f-a165-70867728950e";

for (
  const text of [
    "",
    uuid,
    `-${uuid}`,
    `00-${uuid}`,
    `01-${uuid}`,
    `12345-${uuid}`,
    `-1-${uuid}`,
    `0-${uuid.toUpperCase()}`,
    `0-${uuid}0`,
    `0-${uuid}\n`,
    ` 0-${uuid}`,
    `0-${uuid.replace("-", "")}`,
    `0-${uuid}:x`,
    "0-*",
  ]
) {
  Deno.test(`job id ${JSON.stringify(text)} is none`, () => {
    assert.equal(parseJobId(text), undefined);
  });
}

Deno.test("job states are live or final, none both", () => {
  for (const state of LIVE_STATES) assert.equal(isFinal(state), false);
  for (const state of FINAL_STATES) assert.equal(isFinal(state), true);
});

Deno.test("job's bytes are those of its views, not of the memory behind them", () => {
  const buffer = new Uint8Array(100);
  assert.equal(bytesOf([]), 0);
  assert.equal(bytesOf([{ bytes: buffer.subarray(0, 3) }, { bytes: buffer.subarray(50, 57) }]), 10);
});
