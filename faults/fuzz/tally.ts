/**
 * The numbers of a run while it goes on.
 *
 * @module
 */
import type { Case } from "./cases.ts";
import type { Finding } from "./oracle.ts";
import type { Kind, Violation } from "./summary.ts";

export class Tally {
  /** Cases by kind. */
  readonly kinds = new Map<string, Kind>();
  /** Cases by answer. */
  readonly answers = new Map<string, number>();
  readonly violations: Violation[] = [];

  count({ kind, hasImage }: Case, { answer, decoded }: Finding): void {
    const known = this.kinds.get(kind) ?? { sent: 0, images: 0, decoded: 0 };
    this.kinds.set(kind, {
      sent: known.sent + 1,
      images: known.images + Number(hasImage),
      decoded: known.decoded + Number(decoded),
    });
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
  }

  violate(violation: Violation): void {
    this.violations.push(violation);
  }
}
