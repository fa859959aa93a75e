/**
 * The flag that makes a run again.
 *
 * @module
 */
import type { Option } from "commander";
import { countOption } from "../shared/count_option.ts";

/** Makes the flag; without it, a seed is drawn that is easy to type again. */
export function seedOption(description: string): Option {
  const [anySeed] = crypto.getRandomValues(new Uint16Array(1));
  return countOption("--seed <n>", description, { min: 0 }).default(anySeed);
}
