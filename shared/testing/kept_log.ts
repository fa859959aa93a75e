/**
 * A log that keeps its lines for the test to read.
 *
 * @module
 */
import type { Log, LogFields } from "../log.ts";

/** A log with the lines that it was told. */
export interface KeptLog extends Log {
  readonly lines: { level: keyof Log; message: string; fields: LogFields }[];
}

export function keptLog(): KeptLog {
  const lines: KeptLog["lines"] = [];
  const keep = (level: keyof Log) => (message: string, fields: LogFields = {}) => {
    lines.push({ level, message, fields });
  };
  return {
    lines,
    debug: keep("debug"),
    info: keep("info"),
    warn: keep("warn"),
    error: keep("error"),
  };
}
