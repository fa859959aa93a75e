import assert from "node:assert/strict";
import { type SubmitParameters, submitParameters, waitMs } from "./parameters.ts";

const NOTHING: SubmitParameters = {
  model: undefined,
  top: undefined,
  timeoutMs: undefined,
  waitMs: undefined,
  traceparent: undefined,
  idempotencyKey: undefined,
};
const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

function request(query = "", headers: Record<string, string> = {}): Request {
  return new Request(`http://localhost/predict${query}`, { headers });
}

const good: [query: string, headers: Record<string, string>, read: Partial<SubmitParameters>][] = [
  ["", {}, {}],
  ["?model=shapes&top=3", {}, { model: "shapes", top: 3 }],
  ["?top=1", {}, { top: 1 }],
  ["?top=100", {}, { top: 100 }],
  ["?model=a%20b%2Fc", {}, { model: "a b/c" }],
  ["", { "x-request-timeout-ms": "1" }, { timeoutMs: 1 }],
  ["", { "x-request-timeout-ms": "86400000" }, { timeoutMs: 86_400_000 }],
  ["", { traceparent: TRACEPARENT }, { traceparent: TRACEPARENT }],
  ["", { traceparent: "nonsense" }, {}],
  ["", { "idempotency-key": "order 17" }, { idempotencyKey: "order 17" }],
  ["", { prefer: "wait=2" }, { waitMs: 2_000 }],
];

for (const [query, headers, read] of good) {
  Deno.test(`parameters: "${query}" with ${JSON.stringify(headers)} are read`, () => {
    assert.deepEqual(submitParameters(request(query, headers)), {
      ok: true,
      parameters: { ...NOTHING, ...read },
    });
  });
}

const bad: [query: string, headers: Record<string, string>, detail: string][] = [
  ["?top=0", {}, 'parameter "top" is not from 1 to 100'],
  ["?top=101", {}, 'parameter "top" is not from 1 to 100'],
  ["?top=5.5", {}, 'parameter "top" is no whole number'],
  ["?top=-1", {}, 'parameter "top" is no whole number'],
  ["?top=", {}, 'parameter "top" is no whole number'],
  ["?model=", {}, 'parameter "model" is empty'],
  ["?tpo=5", {}, 'Unrecognized key: "tpo"'],
  ["?__proto__=5", {}, 'Unrecognized key: "__proto__"'],
  ["", { "x-request-timeout-ms": "0" }, 'header "X-Request-Timeout-Ms" is below 1'],
  ["", { "x-request-timeout-ms": "86400001" }, 'header "X-Request-Timeout-Ms" is above 86400000'],
  ["", { "x-request-timeout-ms": "5s" }, 'header "X-Request-Timeout-Ms" is no whole number'],
  ["", { "idempotency-key": "" }, 'header "Idempotency-Key" is empty'],
  [
    "",
    { "idempotency-key": "x".repeat(256) },
    'header "Idempotency-Key" is longer than 255 characters',
  ],
];

for (const [query, headers, detail] of bad) {
  Deno.test(`parameters: "${query}" with ${Object.keys(headers)} are refused: ${detail}`, () => {
    assert.deepEqual(submitParameters(request(query, headers)), {
      ok: false,
      code: "invalid_request",
      detail,
    });
  });
}

const preferences: [header: string, ms: number | undefined][] = [
  ["wait=10", 10_000],
  ["WAIT=10", 10_000],
  ["respond-async, wait=10", 10_000],
  ["wait=10; foo=bar", 10_000],
  ["wait=0", 0],
  ["wait=999999", 86_400_000],
  ["wait=1.5", undefined],
  ["wait=-1", undefined],
  ["await=10", undefined],
  ["return=minimal", undefined],
  ["", undefined],
];

for (const [prefer, ms] of preferences) {
  Deno.test(`parameters: a client that prefers "${prefer}" waits ${ms} ms`, () => {
    assert.equal(waitMs(request("", { prefer })), ms);
  });
}

Deno.test("parameters: without a preference there is no wait", () => {
  assert.equal(waitMs(request()), undefined);
});
