/**
 * The file of API keys: one JSON object a line; empty lines and those that begin with `#` are
 * passed over.
 *
 * Owns the form of a line. Never reads a file, never sees a key.
 * Invariant: a text with any fault gives no keys at all, only its faults.
 *
 * @module
 */
import { z } from "zod";
import type { Quota } from "../../shared/quota.ts";
import { type FieldNames, schemaFaults } from "../../shared/schema_faults.ts";
import { type ApiKey, ROLES } from "./api_key.ts";

/** Longest window of a quota: a year. */
const WINDOW_SECONDS_MAX = 31_536_000;

/** Greatest number that a structured field of HTTP can tell (RFC 9651, section 3.3.1). */
export const COUNT_MAX = 999_999_999_999_999;

const Count = z.int().min(1).max(COUNT_MAX);

const QuotaFields = z.strictObject({
  requests: Count.optional(),
  bytes: Count.optional(),
  windowSeconds: Count.max(WINDOW_SECONDS_MAX).default(60),
  concurrency: Count.optional(),
}).refine(
  ({ requests, bytes, concurrency }) => (requests ?? bytes ?? concurrency) !== undefined,
  "has none of requests, bytes and concurrency",
);

/** A line of the file. */
const Entry = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "may have 1 to 64 letters, digits and . _ -"),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "is not a SHA-256 digest of 64 hexadecimal digits"),
  role: z.enum(ROLES).default("client"),
  models: z.array(z.string().min(1)).min(1).optional(),
  quota: QuotaFields.optional(),
});

/** A line as it is written. */
export type KeyEntry = z.input<typeof Entry>;

const FIELDS: FieldNames = {
  "": Object.keys(Entry.shape),
  "quota": Object.keys(QuotaFields.shape),
};

/** The keys of a file, or what is wrong with it. */
export type ReadKeys =
  | { readonly ok: true; readonly keys: readonly ApiKey[] }
  | { readonly ok: false; readonly faults: readonly string[] };

/** Reads the text of a file. */
export function parseKeys(text: string): ReadKeys {
  // Most likely it is just being written: who means that there are no keys writes a comment.
  if (text.trim() === "") return { ok: false, faults: ["is empty"] };
  const keys: ApiKey[] = [];
  const faults: string[] = [];
  const lines = new Map<string, number>();
  for (const [index, line] of text.split("\n").entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const number = index + 1;
    const read = parseEntry(line);
    if (!read.ok) {
      faults.push(...read.faults.map((fault) => `line ${number}: ${fault}`));
      continue;
    }
    keys.push(keyOf(read.entry));
    for (const field of ["name", "sha256"] as const) {
      const unique = `${field} ${read.entry[field]}`;
      const first = lines.get(unique);
      if (first !== undefined) {
        faults.push(`line ${number}: "${field}" is already on line ${first}`);
      } else lines.set(unique, number);
    }
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, keys };
}

/** Reads an entry, as a line has it. */
export function parseEntry(
  line: string,
): { readonly ok: true; readonly entry: z.output<typeof Entry> } | {
  readonly ok: false;
  readonly faults: readonly string[];
} {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    // The parser's own words would show a part of the line.
    return { ok: false, faults: ["is not a JSON object"] };
  }
  const read = Entry.safeParse(json);
  if (read.success) return { ok: true, entry: read.data };
  return { ok: false, faults: schemaFaults(read.error, FIELDS) };
}

function keyOf({ name, sha256, role, models, quota }: z.output<typeof Entry>): ApiKey {
  return {
    name,
    digest: Uint8Array.fromHex(sha256),
    role,
    ...(models !== undefined && { models }),
    ...(quota !== undefined && { quota: quotaOf(quota) }),
  };
}

function quotaOf(
  { requests, bytes, windowSeconds, concurrency }: z.output<typeof QuotaFields>,
): Quota {
  return {
    windowMs: windowSeconds * 1000,
    ...(requests !== undefined && { requestsMax: requests }),
    ...(bytes !== undefined && { bytesMax: bytes }),
    ...(concurrency !== undefined && { jobsMax: concurrency }),
  };
}
