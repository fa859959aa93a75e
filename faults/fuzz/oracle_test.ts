import assert from "node:assert/strict";
import { latin1 } from "./bytes.ts";
import type { Case } from "./cases.ts";
import { readContract } from "./contract.ts";
import { judge } from "./oracle.ts";
import type { Reply } from "./wire.ts";

const problem = { content: { "application/problem+json": {} } };
const contract = readContract({
  paths: {
    "/predict": {
      post: {
        requestBody: { content: { "multipart/form-data": {} } },
        responses: { 200: { content: { "application/json": {} } }, 422: problem, 503: problem },
      },
    },
  },
  components: {
    examples: {
      undecodable_image: { value: { code: "undecodable_image", status: 422 } },
      not_found: { value: { code: "not_found", status: 404 } },
      internal_error: { value: { code: "internal_error", status: 500 } },
      busy: { value: { code: "busy", status: 503 } },
    },
  },
});

const SENT: Case = {
  kind: "image: flip",
  request: new Uint8Array(),
  halfClosed: false,
  isHttp: true,
  hasImage: true,
  isHead: false,
  operation: contract.operations[0],
};
const NO_HTTP: Case = { ...SENT, isHttp: false };

function answer(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
  const type = status < 400 ? "application/json" : "application/problem+json";
  const text = body === "" ? "" : JSON.stringify(body);
  return {
    kind: "response",
    status,
    headers: new Map(Object.entries({ "content-type": type, ...headers })),
    body: latin1(text),
  };
}

function problemOf(status: number, code: string, detail = "decode image: damaged"): unknown {
  return { type: "about:blank", title: "T", status, code, detail, success: false };
}

const findings: [name: string, sent: Case, reply: Reply, answer: string, decoded: boolean][] = [
  ["predictions", SENT, answer(200, { success: true }), "200", true],
  [
    "a worker's refusal",
    SENT,
    answer(422, problemOf(422, "undecodable_image")),
    "422 undecodable_image",
    true,
  ],
  [
    "a worker's refusal of one of several",
    SENT,
    answer(422, problemOf(422, "undecodable_image", "image 1 of 2: decode image: damaged")),
    "422 undecodable_image",
    true,
  ],
  [
    "the gateway's refusal",
    SENT,
    answer(422, problemOf(422, "undecodable_image", "read image: damaged")),
    "422 undecodable_image",
    false,
  ],
  [
    "a failed job",
    SENT,
    answer(200, { error: { code: "undecodable_image", detail: "decode image: damaged" } }),
    "200 undecodable_image",
    true,
  ],
  [
    "a server at its limits",
    SENT,
    answer(503, problemOf(503, "busy"), { "retry-after": "1" }),
    "503 busy",
    true,
  ],
  ["the server's own refusal of no HTTP", NO_HTTP, answer(400, ""), "400 of the server", false],
  ["a reset after no HTTP", NO_HTTP, { kind: "broken", error: "reset" }, "broken", false],
];
for (const [name, sent, reply, said, decoded] of findings) {
  Deno.test(`oracle: ${name} breaks no promise`, () => {
    assert.deepEqual(judge(sent, reply, contract), { answer: said, decoded });
  });
}

const violations: [name: string, sent: Case, reply: Reply, violation: RegExp][] = [
  ["a bug", SENT, answer(500, problemOf(500, "internal_error")), /^internal_error: /],
  ["a job that was given up", SENT, answer(500, problemOf(500, "job_failed")), /^job_failed: /],
  [
    "a job that ended so",
    SENT,
    answer(200, { error: { code: "job_failed", detail: "given up" } }),
    /^a job ended as job_failed$/,
  ],
  ["a wrong status", SENT, answer(422, problemOf(422, "not_found")), /^not_found is answered/],
  [
    "a status that the body belies",
    SENT,
    answer(422, problemOf(404, "undecodable_image")),
    /^undecodable_image is answered with 422$/,
  ],
  ["an unknown code", SENT, answer(422, problemOf(422, "oops")), /^oops is answered with 422$/],
  ["a problem without members", SENT, answer(422, { code: "busy" }), /^the problem is malformed/],
  [
    "an empty error",
    SENT,
    answer(400, "", { "content-type": "x" }),
    /^400 is no problem document$/,
  ],
  ["no time to try again", SENT, answer(503, problemOf(503, "busy")), /^busy lacks a Retry-After$/],
  ["an answer of another status", SENT, answer(204, ""), /^POST \/predict answers 204, which is/],
  [
    "an answer of another type",
    SENT,
    answer(200, "x", { "content-type": "text/html" }),
    /^POST \/predict answers 200 with type text\/html/,
  ],
  [
    "a problem that the operation does not have",
    SENT,
    answer(404, problemOf(404, "not_found")),
    /^POST \/predict answers 404, which is not described$/,
  ],
  ["a reset", SENT, { kind: "broken", error: "reset" }, /^the connection broke: reset$/],
  ["silence", NO_HTTP, { kind: "hung" }, /^no answer within the bound$/],
];
for (const [name, sent, reply, violation] of violations) {
  Deno.test(`oracle: ${name} breaks a promise`, () => {
    assert.match(judge(sent, reply, contract).violation ?? "", violation);
  });
}
