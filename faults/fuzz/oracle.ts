/**
 * The judge of one answer: is it one of those that were promised?
 *
 * Pure: a case and its reply in, a finding out.
 *
 * @module
 */
import { z } from "zod";
import type { Case } from "./cases.ts";
import type { Contract } from "./contract.ts";
import type { Reply, Response } from "./wire.ts";

/** What became of a case. */
export interface Finding {
  /** For the table: `200`, `422 undecodable_image`, `broken`. */
  readonly answer: string;
  /** Whether an image of it was in a worker's decoder. */
  readonly decoded: boolean;
  /** What of it breaks a promise. */
  readonly violation?: string;
}

/** What the server says by itself of what is no HTTP, before any code of ours is asked. */
const NO_HTTP: ReadonlySet<number> = new Set([400, 414, 431, 505]);

/** Codes that no input may bring about. */
const NEVER: ReadonlySet<string> = new Set(["internal_error", "job_failed"]);

/** How a worker's decoder begins its sentences; the gateway's begin with `read`. */
const DECODER_SAYS = /^(image \d+ of \d+: )?decode image: /;

const ProblemSchema = z.strictObject({
  type: z.literal("about:blank"),
  title: z.string().min(1),
  status: z.int(),
  code: z.string(),
  detail: z.string().min(1),
  success: z.literal(false),
  // What the Open Inference Protocol wants of errors.
  error: z.string().min(1).optional(),
});

const ErrorSchema = z.object({ code: z.string(), detail: z.string() });

/** Judges a reply. */
export function judge(sent: Case, reply: Reply, contract: Contract): Finding {
  if (reply.kind !== "response") {
    const violation = reply.kind === "hung"
      ? "no answer within the bound"
      : sent.isHttp
      ? `the connection broke: ${reply.error}`
      : undefined;
    return { answer: reply.kind, decoded: false, ...(violation !== undefined && { violation }) };
  }
  const { status, body } = reply;
  if (!sent.isHttp && NO_HTTP.has(status) && body.length === 0) {
    return { answer: `${status} of the server`, decoded: false };
  }
  if (status < 400) return success(sent, reply);
  const { code, detail, fault } = problem(sent, reply, contract);
  const violation = fault ?? undescribed(sent, reply);
  return {
    answer: `${status} ${code}`,
    decoded: DECODER_SAYS.test(detail),
    ...(violation !== undefined && { violation }),
  };
}

function success(sent: Case, reply: Response): Finding {
  const violation = undescribed(sent, reply);
  const json = jsonOf(reply);
  const error = ErrorSchema.safeParse((json as { error?: unknown } | undefined)?.error);
  const failed = error.success ? error.data : undefined;
  const never = NEVER.has(failed?.code ?? "") ? `a job ended as ${failed!.code}` : undefined;
  return {
    answer: failed === undefined ? String(reply.status) : `${reply.status} ${failed.code}`,
    // A job's answer, or its failure, are a worker's; a job that is waited for in vain is not.
    decoded: sent.hasImage &&
      (failed === undefined ? reply.status === 200 : DECODER_SAYS.test(failed.detail)),
    ...(violation ?? never) !== undefined && { violation: (violation ?? never)! },
  };
}

/** What a problem says, and what is wrong with it. */
function problem(
  sent: Case,
  reply: Response,
  { codes }: Contract,
): { code: string; detail: string; fault?: string } {
  const { status, headers } = reply;
  if (headers.get("content-type") !== "application/problem+json") {
    return { code: "?", detail: "", fault: `${status} is no problem document` };
  }
  if (sent.isHead) return { code: "", detail: "" };
  const read = ProblemSchema.safeParse(jsonOf(reply));
  if (!read.success) {
    return { code: "?", detail: "", fault: `the problem is malformed: ${read.error.message}` };
  }
  const { code, detail } = read.data;
  const said = { code, detail };
  if (NEVER.has(code)) return { ...said, fault: `${code}: ${detail}` };
  if (codes.get(code) !== status || read.data.status !== status) {
    return { ...said, fault: `${code} is answered with ${status}` };
  }
  const retryable = status === 429 || status === 503;
  if (headers.has("retry-after") !== retryable) {
    return { ...said, fault: `${code} ${retryable ? "lacks" : "has"} a Retry-After` };
  }
  return said;
}

/** Why an answer is none that the document has for the operation, where that is known. */
function undescribed(
  { operation, isHead }: Case,
  { status, headers }: Response,
): string | undefined {
  if (operation === undefined) return undefined;
  const about = `${operation.method} ${operation.path} answers ${status}`;
  const types = operation.answers.get(status);
  if (types === undefined) return `${about}, which is not described`;
  const type = headers.get("content-type");
  if (types.length === 0 || isHead) return undefined;
  return type !== undefined && types.includes(type)
    ? undefined
    : `${about} with type ${type}, which is not described`;
}

function jsonOf({ body }: Response): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}
