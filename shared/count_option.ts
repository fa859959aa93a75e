/**
 * A flag that takes a whole number.
 *
 * @module
 */
import { InvalidArgumentError, Option } from "commander";

/**
 * Makes the flag.
 *
 * @param bounds what is refused with a sentence; `min` is 1 and `max` 9999999 unless given
 */
export function countOption(
  flags: string,
  description: string,
  { min = 1, max = 9_999_999 }: { readonly min?: number; readonly max?: number } = {},
): Option {
  return new Option(flags, description).argParser((text) => {
    const count = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (count >= min && count <= max) return count;
    throw new InvalidArgumentError(`It is not a whole number from ${min} to ${max}.`);
  });
}
