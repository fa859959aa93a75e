/**
 * Quotas as a client's software reads them: the fields of draft-ietf-httpapi-ratelimit-headers-11,
 * lists of RFC 9651's structured fields.
 *
 * @module
 */
import type { Quota, QuotaState } from "../../shared/quota.ts";

/** A bound by its name. */
interface Policy {
  readonly name: string;
  readonly max: number;
  /** What is counted, where that is not requests. */
  readonly unit?: "content-bytes" | "concurrent-requests";
  /** Whether it is used up for the rest of the window alone. */
  readonly windowed: boolean;
  readonly used: (state: QuotaState) => number;
}

function policiesOf({ requestsMax, bytesMax, jobsMax }: Quota): Policy[] {
  const policies: (Omit<Policy, "max"> & { readonly max: number | undefined })[] = [
    { name: "requests", max: requestsMax, windowed: true, used: ({ requests }) => requests },
    {
      name: "bytes",
      max: bytesMax,
      unit: "content-bytes",
      windowed: true,
      used: ({ bytes }) => bytes,
    },
    {
      name: "jobs",
      max: jobsMax,
      unit: "concurrent-requests",
      windowed: false,
      used: ({ jobs }) => jobs,
    },
  ];
  return policies.filter((policy): policy is Policy => policy.max !== undefined);
}

/**
 * `RateLimit-Policy`: the bounds.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { rateLimitPolicy } from "./rate_limit.ts";
 *
 * assert.equal(rateLimitPolicy({ windowMs: 60_000, requestsMax: 100 }), '"requests";q=100;w=60');
 * ```
 */
export function rateLimitPolicy(quota: Quota): string {
  return policiesOf(quota).map(({ name, max, unit, windowed }) => {
    const window = windowed ? `;w=${quota.windowMs / 1000}` : "";
    return `"${name}";q=${max}${unit === undefined ? "" : `;qu="${unit}"`}${window}`;
  }).join(", ");
}

/** `RateLimit`: what is left of each bound, and for how many seconds there will be no more. */
export function rateLimit(quota: Quota, state: QuotaState): string {
  return policiesOf(quota).map(({ name, max, used, windowed }) => {
    const reset = windowed ? `;t=${Math.ceil(state.resetMs / 1000)}` : "";
    return `"${name}";r=${Math.max(0, max - used(state))}${reset}`;
  }).join(", ");
}
