/**
 * Waiting for what other processes do: every wait has an end, and says what it waited for.
 *
 * @module
 */

/** Far longer than anything here takes, on any machine: a wait that ends so has found a fault. */
export const WAIT_MAX_MS = 60_000;

/** Pause between two looks at something that cannot tell by itself. */
const LOOK_PAUSE_MS = 20;

/** Waits for a promise. */
export async function within<T>(promise: Promise<T>, what: string, ms = WAIT_MAX_MS): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`waited ${ms} ms in vain: ${what}`)), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks again and again, until there is something to return. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  ms = WAIT_MAX_MS,
): Promise<T> {
  for (const end = performance.now() + ms; performance.now() < end;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, LOOK_PAUSE_MS));
  }
  throw new Error(`waited ${ms} ms in vain: ${what}`);
}
