import assert from "node:assert/strict";
import {
  Prefer,
  SUBMIT_HEADERS,
  SUBMIT_QUERY,
  type SubmitParameters,
  submitParameters,
} from "./parameters.ts";
import { Caller } from "./keys/caller.ts";
import { route } from "./route.ts";
import { problem } from "./testing/app.ts";

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/** Answers with what it has understood. */
const probe = route({
  method: "POST",
  path: "/probe",
  id: "probe",
  summary: "Say what was understood",
  query: SUBMIT_QUERY,
  headers: { ...SUBMIT_HEADERS, Prefer },
  answers: {},
  problems: [],
  handle: (call) => Response.json({ ...submitParameters(call), waitMs: call.headers.Prefer }),
});

function read(query = "", headers: Record<string, string> = {}): Promise<Response> {
  return probe.serve(new Request(`http://localhost/probe${query}`, { headers }), new Caller(), {});
}

const good: [
  query: string,
  headers: Record<string, string>,
  read: Partial<SubmitParameters> & { waitMs?: number },
][] = [
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

for (const [query, headers, parameters] of good) {
  Deno.test(`parameters: "${query}" with ${JSON.stringify(headers)} are read`, async () => {
    assert.deepEqual(await (await read(query, headers)).json(), parameters);
  });
}

const bad: [query: string, headers: Record<string, string>, detail: string][] = [
  ["?top=0", {}, 'parameter "top" is not from 1 to 100'],
  ["?top=101", {}, 'parameter "top" is not from 1 to 100'],
  ["?top=5.5", {}, 'parameter "top" is not a whole number'],
  ["?top=-1", {}, 'parameter "top" is not a whole number'],
  ["?top=", {}, 'parameter "top" is not a whole number'],
  ["?model=", {}, 'parameter "model" is empty'],
  ["?tpo=5", {}, 'parameter "tpo" is unknown'],
  ["?__proto__=5", {}, 'parameter "__proto__" is unknown'],
  ["", { "x-request-timeout-ms": "0" }, 'header "X-Request-Timeout-Ms" is not from 1 to 86400000'],
  [
    "",
    { "x-request-timeout-ms": "86400001" },
    'header "X-Request-Timeout-Ms" is not from 1 to 86400000',
  ],
  ["", { "x-request-timeout-ms": "5s" }, 'header "X-Request-Timeout-Ms" is not a whole number'],
  ["", { "idempotency-key": "" }, 'header "Idempotency-Key" is empty'],
  [
    "",
    { "idempotency-key": "x".repeat(256) },
    'header "Idempotency-Key" is longer than 255 characters',
  ],
];

for (const [query, headers, detail] of bad) {
  Deno.test(`parameters: "${query}" with ${Object.keys(headers)} are refused: ${detail}`, async () => {
    assert.equal(await problem(await read(query, headers), 400, "invalid_request"), detail);
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
  Deno.test(`parameters: a client that prefers "${prefer}" waits ${ms} ms`, async () => {
    assert.equal((await (await read("", { prefer })).json()).waitMs, ms);
  });
}
