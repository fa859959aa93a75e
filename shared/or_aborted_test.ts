import assert from "node:assert/strict";
import { orAborted } from "./or_aborted.ts";

const never = new Promise<void>(() => {});
const forever = new AbortController().signal;

Deno.test("waiting ends with the promise, as it does", async () => {
  await orAborted(Promise.resolve(), forever);
  await assert.rejects(orAborted(Promise.reject(new Error("broken")), forever), /broken/);
});

Deno.test("waiting ends when it is aborted, and at once where it was before", async () => {
  const stop = new AbortController();
  const waiting = orAborted(never, stop.signal);
  stop.abort();
  await waiting;
  await orAborted(never, stop.signal);
});
