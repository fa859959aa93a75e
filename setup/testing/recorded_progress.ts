/**
 * Progress that a test can read.
 *
 * @module
 */
import type { Progress } from "../progress.ts";

export interface RecordedProgress extends Progress {
  /** What was said, bars by their label. */
  readonly lines: readonly string[];
}

export function recordedProgress(): RecordedProgress {
  const lines: string[] = [];
  return {
    lines,
    line: (text) => void lines.push(text),
    bar: (label) => {
      lines.push(label);
      return { update: () => {}, stop: () => {} };
    },
  };
}
