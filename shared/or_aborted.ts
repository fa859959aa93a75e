/**
 * Waiting for something, or for the end of waiting.
 *
 * @module
 */

/** Resolves when the signal aborts, at once where it has already. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return orAborted(new Promise(() => {}), signal);
}

/** Resolves with the promise, or at once when the signal aborts; rejects as the promise does. */
export async function orAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const abort = () => resolve();
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) resolve();
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
