import assert from "node:assert/strict";
import { Hands } from "./hands.ts";
import { testDelivery } from "./testing/jobs.ts";

const forever = new AbortController().signal;

Deno.test("hands hold a delivery from when it is taken until it is let go", () => {
  const hands = new Hands();
  const [first, second] = [testDelivery(), testDelivery()];
  hands.add(first);
  hands.add(second);
  assert.deepEqual(hands.all(), [first, second]);
  hands.release(first);
  assert.deepEqual([hands.has(first), hands.has(second)], [false, true]);
  assert.deepEqual(hands.all(), [second]);
});

Deno.test("hands know a delivery by its entry, however often it was read", () => {
  const hands = new Hands();
  const delivery = testDelivery();
  hands.add(delivery);
  assert(hands.has({ ...delivery }));
  for (const other of [{ model: "b" }, { lane: 1 }, { entry: "9-9" }]) {
    assert(!hands.has({ ...delivery, ...other }));
  }
});

Deno.test("hands tell what was read from what was begun", () => {
  const hands = new Hands();
  const [read, begun] = [testDelivery(), testDelivery()];
  hands.add(read);
  hands.add(begun);
  hands.begin(begun);
  assert.deepEqual(hands.unbegun(), [read]);
  assert.deepEqual(hands.all(), [read, begun]);
});

Deno.test("hands tell when a delivery is let go, and at once where it is not held", async () => {
  const hands = new Hands();
  const delivery = testDelivery();
  await hands.released(delivery, forever);
  hands.add(delivery);
  const events: string[] = [];
  const released = hands.released(delivery, forever).then(() => events.push("released"));
  events.push("held");
  hands.release(delivery);
  await released;
  assert.deepEqual(events, ["held", "released"]);
  hands.release(delivery);
});

Deno.test("hands let nobody wait who is told to drain", async () => {
  const hands = new Hands();
  const delivery = testDelivery();
  hands.add(delivery);
  const drain = new AbortController();
  const released = hands.released(delivery, drain.signal);
  drain.abort();
  await released;
  assert(hands.has(delivery));
});
