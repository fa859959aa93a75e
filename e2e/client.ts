/**
 * A client of the gateway, as the tests need it.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Picture } from "./pictures.ts";
import { until, WAIT_MAX_MS } from "./waiting.ts";

/** An answer, its body read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body: JSON, or text where it is none. */
  // deno-lint-ignore no-explicit-any -- whatever the other side sends
  readonly body: any;
  readonly ms: number;
}

/** Sends a request and reads the whole answer. */
export async function call(
  url: string,
  init: RequestInit & { readonly client?: Deno.HttpClient } = {},
): Promise<Answer> {
  const began = performance.now();
  const signal = init.signal ?? AbortSignal.timeout(WAIT_MAX_MS);
  const response = await fetch(url, { ...init, signal });
  const text = await response.text();
  const { status, headers } = response;
  const json = /\bjson\b/.test(headers.get("content-type") ?? "");
  return { status, headers, body: json ? JSON.parse(text) : text, ms: performance.now() - began };
}

/** Posts a bare body. */
export function post(
  url: string,
  body: Uint8Array<ArrayBuffer> | FormData | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return call(url, { method: "POST", body, headers });
}

/** A form with images, each under the field that carries one. */
export function form(...images: readonly Uint8Array<ArrayBuffer>[]): FormData {
  const data = new FormData();
  images.forEach((image, i) => data.append("image", new Blob([image]), `photo${i}.jpg`));
  return data;
}

/**
 * Submits a job and comes back for it until it has succeeded.
 *
 * @param check asserts what may be told of it on the way
 * @returns the job; the refusal where it was not accepted
 */
export async function submitAndReturn(
  url: string,
  image: Uint8Array<ArrayBuffer>,
  check: (job: Answer) => void,
): Promise<Answer> {
  const accepted = await post(`${url}/v1/jobs`, image);
  if (accepted.status !== 202) return accepted;
  const { id } = accepted.body;
  return await until(`job ${id} is done`, async () => {
    const job = await call(`${url}/v1/jobs/${id}`, { headers: { prefer: "wait=10" } });
    check(job);
    return job.body.state === "succeeded" && job;
  });
}

/** How far a probability may be off: the net is computed in float32, by one engine or another. */
const PROBABILITY_ERROR = 0.01;

/** Asserts that predictions are those of a picture. */
export function assertSees(
  predictions: readonly { label: string; probability: number }[],
  { label, probability }: Pick<Picture, "label" | "probability">,
): void {
  const best = predictions[0];
  assert.equal(best?.label, label);
  const off = Math.abs(best!.probability - probability);
  assert(off <= PROBABILITY_ERROR, `${label}: ${best!.probability}, not ${probability}`);
}

/** Asserts that an answer is a problem as RFC 9457 and the contract have it. */
export function assertProblem(
  { status, headers, body }: Answer,
  code: string,
  wanted: number,
): void {
  assert.deepEqual({ status, code: body.code }, { status: wanted, code }, JSON.stringify(body));
  assert.equal(headers.get("content-type"), "application/problem+json");
  assert.equal(body.status, wanted);
  assert.equal(body.success, false);
  for (const member of ["type", "title", "detail"]) {
    assert(typeof body[member] === "string" && body[member] !== "", `${member} of ${code}`);
  }
  assert.equal(headers.has("retry-after"), wanted === 503 || wanted === 429);
}

/** Does many things, some at once; results in their order. */
export async function inParallel<T>(
  count: number,
  atOnce: number,
  task: (index: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < count) {
      const index = next++;
      results[index] = await task(index);
    }
  }));
  return results;
}
