/**
 * What an operating system says of a file or an address that cannot be used.
 *
 * @module
 */

/** The system's own words, without the call and the path that follow them. */
export function osState(error: unknown): string {
  const [state] = (error as Error).message.split(" (os error");
  return state!;
}
