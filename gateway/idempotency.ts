/**
 * When two requests are one: the same key, the same images, the same parameters.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Idempotency } from "../shared/job.ts";

/** What a request asked for, as far as its answer depends on it. */
export interface Asked {
  readonly images: readonly Uint8Array[];
  readonly model: string;
  readonly version: string | undefined;
  readonly top: number | undefined;
}

/**
 * Digests a client's key and what it asked for.
 *
 * @param owner whose key it is: two owners' keys never meet
 */
export function idempotencyOf(owner: string, key: string, asked: Asked): Idempotency {
  const { model, version = null, top = null } = asked;
  const body = createHash("sha256").update(JSON.stringify([model, version, top]));
  for (const image of asked.images) {
    // The digest of each image, so that no two lists of images read the same.
    body.update(createHash("sha256").update(image).digest());
  }
  const digest = createHash("sha256").update(JSON.stringify([owner, key])).digest("hex");
  return { digest, fingerprint: body.digest("hex") };
}
