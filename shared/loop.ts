/**
 * The shape of everything periodic: a tick, one run, its fault logged and survived.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

export interface LoopParts {
  /** What runs, for the log. */
  readonly name: string;
  readonly periodMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Runs once every period until aborted; the first run comes after one period. */
export async function loop(
  { name, periodMs, clock, log }: LoopParts,
  signal: AbortSignal,
  runOnce: () => Promise<void>,
): Promise<void> {
  while (true) {
    await clock.sleep(periodMs, signal);
    if (signal.aborted) return;
    try {
      await runOnce();
    } catch (error) {
      log.warn(`${name} failed, trying again later`, { error: String(error) });
    }
  }
}
