/**
 * API keys: what they look like, what is kept of them, and what whoever has one may do.
 *
 * Never keeps a key, only its digest. A key is 256 random bits, so nobody can guess one, and a
 * plain SHA-256 is as good as a slow hash, which is for what people make up: it costs microseconds
 * for each request instead of a tenth of a second.
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Quota } from "../../shared/quota.ts";

/** What a key may be used for: `admin` may all that `client` may, and administer. */
export const ROLES = ["client", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** What is known of a key. */
export interface ApiKey {
  /** Unique: the owner of the jobs that were submitted with it. */
  readonly name: string;
  /** SHA-256 of the key, 32 bytes. */
  readonly digest: Uint8Array;
  readonly role: Role;
  /** Names of the models that it may use; all where absent. */
  readonly models?: readonly string[];
  readonly quota?: Quota;
}

/** How keys begin, so that whoever finds one knows what it opens. */
const PREFIX = "weir_";

const KEY_BYTES = 32;

/** Makes a key. */
export function newApiKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return PREFIX + bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Digests a key: 32 bytes. */
export function keyDigest(key: string): Uint8Array {
  return createHash("sha256").update(key).digest();
}

/** Finds a key by its digest; the time it takes does not tell how much of a digest was right. */
export function findKey(known: readonly ApiKey[], key: string): ApiKey | undefined {
  const digest = keyDigest(key);
  let found: ApiKey | undefined;
  for (const candidate of known) {
    if (timingSafeEqual(candidate.digest, digest)) found = candidate;
  }
  return found;
}
