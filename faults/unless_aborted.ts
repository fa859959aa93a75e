/**
 * Work that an interruption ends for whoever waits for it.
 *
 * @module
 */
import { orAborted } from "../shared/or_aborted.ts";

/** Waits for work, or throws as soon as the signal aborts. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  await orAborted(work, signal);
  signal.throwIfAborted();
  return await work;
}
