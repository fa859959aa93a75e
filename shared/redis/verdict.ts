/**
 * What becomes of a delivery that is to be begun, as the script says it.
 *
 * @module
 */
import type { DropReason, Verdict } from "../broker.ts";

/** What BEGIN says of a delivery. */
export type VerdictReply =
  | [
    "run",
    attempt: number,
    tell: string,
    done: number,
    followed: 0 | 1,
    waitedMs: number,
    ageMs: number,
  ]
  | ["expired", tell: string, delivery: number]
  | ["spent", string, number]
  | ["drop", DropReason]
  | ["lost"];

/** Reads it. */
export function verdictOf(reply: VerdictReply): Verdict {
  switch (reply[0]) {
    case "run":
      return {
        kind: "run",
        attempt: reply[1],
        tell: reply[2],
        ...(reply[3] > 0 && { done: reply[3] }),
        ...(reply[5] >= 0 && { waitedMs: reply[5] }),
        ageMs: reply[6],
      };
    case "expired":
      return { kind: "expired", tell: reply[1], delivery: reply[2] };
    case "spent":
      return { kind: "spent", tell: reply[1], attempts: reply[2] };
    case "drop":
      return { kind: "drop", reason: reply[1] };
    case "lost":
      return { kind: "lost" };
  }
}
