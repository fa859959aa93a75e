/**
 * A gateway as its clients ask it.
 *
 * Owns the request and what its outcome means to a person. Never reads a file, never prints.
 * Invariant: whatever the other side does, the outcome is an answer or one sentence.
 *
 * @module
 */
import { z } from "zod";

/** Why there is no answer. */
export interface Failure {
  /** The problem's code, or one of the client's own: `invalid_url`, `unreachable`, `unreadable`. */
  readonly code: string;
  /** One sentence without a full stop. */
  readonly detail: string;
}

/** An answer, or why there is none. */
export type Asked<T> =
  | { readonly ok: true; readonly value: T }
  | ({ readonly ok: false } & Failure);

/** A failure as it stands in the JSON that a client prints. */
export function errorOf({ code, detail }: Failure): { readonly error: Failure } {
  return { error: { code, detail } };
}

/** Which gateway a command asks, and how it tells what came of that. */
export interface CommandOptions {
  /** The gateway's address: an http or https URL. */
  readonly url: string;
  /** The API key, where the gateway wants one. */
  readonly key: string | undefined;
  /** JSON instead of text for a person. */
  readonly json: boolean;
  /** Takes one line, or several with line breaks between. */
  readonly write: (text: string) => void;
  readonly signal: AbortSignal;
}

/** What is asked of a gateway. */
export interface Question<T> {
  readonly method: "GET" | "POST" | "DELETE";
  /** From the gateway's own root: `/predict`. */
  readonly path: string;
  /** Parameters; those that are undefined are left out. The gateway judges their bounds. */
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** The API key, where the gateway wants one. */
  readonly key: string | undefined;
  /** What is read of a success; of one without a body, undefined. */
  readonly answer: z.ZodType<T>;
}

/** What is read of a problem (RFC 9457). */
const Problem = z.object({ code: z.string(), detail: z.string() });

/**
 * Asks a gateway.
 *
 * @param url the gateway's address: an http or https URL
 * @throws the signal's reason once it aborts
 */
export async function ask<T>(
  url: string,
  { method, path, query = {}, body, key, answer }: Question<T>,
  { signal }: { readonly signal: AbortSignal },
): Promise<Asked<T>> {
  const target = targetOf(url, path, query);
  if (target === undefined) {
    return failure("invalid_url", `the address "${url}" is not an http or https URL`);
  }
  try {
    const response = await fetch(target, {
      method,
      signal,
      ...(key !== undefined && { headers: { authorization: `Bearer ${key}` } }),
      ...(body !== undefined && { body }),
    });
    const asked = read(response, await response.text(), answer);
    const keyMissing = !asked.ok && asked.code === "unauthorized" && key === undefined;
    return keyMissing ? { ...asked, detail: KEY_NEEDED } : asked;
  } catch {
    signal.throwIfAborted();
    const start = "is it running? start it with `deno task start`";
    return failure("unreachable", `the gateway at ${url} did not answer: ${start}`);
  }
}

/** Where a gateway says which header it wants: a person at a terminal sends none. */
const KEY_NEEDED = "an API key is needed: name its file with --key-file, or set WEIR_API_KEY";

function targetOf(
  url: string,
  path: string,
  query: Readonly<Record<string, string | undefined>>,
): URL | undefined {
  const root = URL.parse(url);
  if (!/^https?:$/.test(root?.protocol ?? "")) return undefined;
  // Behind a proxy the gateway may have a path of its own.
  const target = new URL(root!.pathname.replace(/\/$/, "") + path, root!);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) target.searchParams.set(name, value);
  }
  return target;
}

function read<T>({ ok, status }: Response, body: string, answer: z.ZodType<T>): Asked<T> {
  const json = parseJson(body);
  const success = answer.safeParse(json);
  if (ok && success.success) return { ok: true, value: success.data };
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

function failure(code: string, detail: string): { readonly ok: false } & Failure {
  return { ok: false, code, detail };
}
