import assert from "node:assert/strict";
import { rateLimit, rateLimitPolicy } from "./rate_limit.ts";

const STATE = { requests: 50, bytes: 900, jobs: 3, resetMs: 29_001 };

Deno.test("requests in a window are told as in the draft", () => {
  const quota = { windowMs: 60_000, requestsMax: 100 };
  assert.equal(rateLimitPolicy(quota), '"requests";q=100;w=60');
  assert.equal(rateLimit(quota, STATE), '"requests";r=50;t=30');
});

Deno.test("bytes and jobs at once say what they count", () => {
  const quota = { windowMs: 3_600_000, requestsMax: 100, bytesMax: 1000, jobsMax: 4 };
  assert.equal(
    rateLimitPolicy(quota),
    '"requests";q=100;w=3600, "bytes";q=1000;qu="content-bytes";w=3600, ' +
      '"jobs";q=4;qu="concurrent-requests"',
  );
  assert.equal(rateLimit(quota, STATE), '"requests";r=50;t=30, "bytes";r=100;t=30, "jobs";r=1');
});

Deno.test("what is left is never less than nothing, though the bound was lowered", () => {
  assert.equal(rateLimit({ windowMs: 1_000, requestsMax: 10 }, STATE), '"requests";r=0;t=30');
});
