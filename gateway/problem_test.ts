import assert from "node:assert/strict";
import { ERROR_CODES, type ErrorCode } from "../shared/errors.ts";
import { AT_CAPACITY, BUSY, problemResponse, PROBLEMS } from "./problem.ts";

const STATUSES: Record<ErrorCode, number> = {
  invalid_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  job_finished: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  undecodable_image: 422,
  idempotency_mismatch: 422,
  rate_limited: 429,
  job_failed: 500,
  internal_error: 500,
  at_capacity: 503,
  busy: 503,
  deadline_exceeded: 504,
};

Deno.test("problem table has the documented codes, in the order of their statuses", () => {
  assert.deepEqual([...ERROR_CODES], Object.keys(STATUSES));
  assert.deepEqual(Object.keys(PROBLEMS), Object.keys(STATUSES));
});

for (const [code, status] of Object.entries(STATUSES) as [ErrorCode, number][]) {
  Deno.test(`problem ${code} is answered with ${status}`, async () => {
    const response = problemResponse({ code, detail: "so it is" });
    assert.equal(response.status, status);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    assert.equal(response.headers.has("retry-after"), status === 429 || status === 503);
    assert.deepEqual(await response.json(), {
      type: "about:blank",
      title: PROBLEMS[code].title,
      status,
      code,
      detail: "so it is",
      success: false,
    });
  });
}

Deno.test("refusals that are not the client's fault have the documented words", () => {
  assert.deepEqual(AT_CAPACITY, {
    code: "at_capacity",
    detail: "Service is currently at capacity, please try again later",
  });
  assert.deepEqual(BUSY, { code: "busy", detail: "Server busy, please retry your request" });
});

Deno.test("problem may carry headers of its own", () => {
  const response = problemResponse({ code: "busy", detail: "" }, { "retry-after": "7" });
  assert.equal(response.headers.get("retry-after"), "7");
});
