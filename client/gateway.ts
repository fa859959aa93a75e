/**
 * `POST /predict` as a client calls it.
 *
 * Owns the request and what its outcome means to a person. Never reads a file, never prints.
 * Invariant: whatever the other side does, the outcome is predictions or one sentence.
 *
 * @module
 */
import { z } from "zod";
import type { Prediction } from "../shared/job.ts";

/** Which gateway is asked, and what of it. */
export interface Question {
  /** The gateway's address: an http or https URL. */
  readonly url: string;
  /** Name of the model, or the default one. */
  readonly model: string | undefined;
  /** Number of predictions, as the gateway reads it: it judges the bounds. */
  readonly top: string | undefined;
}

/** Why there are no predictions. */
export interface Failure {
  /** The problem's code, or one of the client's own: `invalid_url`, `unreachable`, `unreadable`. */
  readonly code: string;
  /** One sentence without a full stop. */
  readonly detail: string;
}

/** The classes of an image, most probable first; or why there are none. */
export type Answer =
  | { readonly ok: true; readonly predictions: readonly Prediction[] }
  | ({ readonly ok: false } & Failure);

const Predictions = z.object({
  predictions: z.array(z.object({ label: z.string(), probability: z.number() })),
});
/** What is read of a problem (RFC 9457). */
const Problem = z.object({ code: z.string(), detail: z.string() });

/**
 * Asks for the classes of an image.
 *
 * @param image the file's bytes
 * @throws the signal's reason once it aborts
 */
export async function predict(
  image: Uint8Array<ArrayBuffer>,
  question: Question,
  { signal }: { readonly signal: AbortSignal },
): Promise<Answer> {
  const target = predictUrl(question);
  if (target === undefined) {
    return failure("invalid_url", `the address "${question.url}" is no http or https URL`);
  }
  let response: Response;
  let body: string;
  try {
    response = await fetch(target, { method: "POST", body: image, signal });
    body = await response.text();
  } catch {
    signal.throwIfAborted();
    const start = "is it running? start it with `deno task start`";
    return failure("unreachable", `the gateway at ${question.url} did not answer: ${start}`);
  }
  return read(response.status, body);
}

function predictUrl({ url, model, top }: Question): URL | undefined {
  const target = URL.parse(url);
  if (!/^https?:$/.test(target?.protocol ?? "")) return undefined;
  // Behind a proxy the gateway may have a path of its own.
  const predict = new URL(`${target!.pathname.replace(/\/$/, "")}/predict`, target!);
  if (model !== undefined) predict.searchParams.set("model", model);
  if (top !== undefined) predict.searchParams.set("top", top);
  return predict;
}

function read(status: number, body: string): Answer {
  const json = parseJson(body);
  const answer = Predictions.safeParse(json);
  if (status === 200 && answer.success) return { ok: true, ...answer.data };
  const problem = Problem.safeParse(json);
  if (problem.success) return { ok: false, ...problem.data };
  return failure("unreadable", `status ${status} came without a readable answer: is this Weir?`);
}

/** The JSON's value; undefined, which no JSON has, where the text is none. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failure(code: string, detail: string): Answer {
  return { ok: false, code, detail };
}
