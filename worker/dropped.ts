/**
 * What the log says of entries that nobody wants to be run.
 *
 * @module
 */
import type { DropReason } from "../shared/broker.ts";
import type { Log, LogFields } from "../shared/log.ts";

const REASONS: Readonly<Record<DropReason, string>> = {
  refused: "its request was answered without it",
  duplicate: "its job has another entry",
  gone: "its job has no record any more",
  succeeded: "its job has succeeded",
  failed: "its job has failed",
  cancelled: "its job was cancelled",
  expired: "its job's deadline has passed",
};

/**
 * Says why an entry was removed instead of being run. An entry is added together with the decision
 * on it, so that every request that is refused, or answered with an earlier job, has one for a
 * moment: a worker that meets it before its gateway takes it back has nothing to report.
 */
export function tellDropped(
  log: Pick<Log, "debug" | "info">,
  reason: DropReason,
  fields: LogFields,
): void {
  const level = reason === "refused" ? "debug" : "info";
  log[level]("entry dropped", { ...fields, reason: REASONS[reason] });
}
