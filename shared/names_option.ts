/**
 * A flag that takes names with commas between.
 *
 * @module
 */
import { InvalidArgumentError, Option } from "commander";

/** Makes the flag: its value is the names, each once. */
export function namesOption(flags: string, description: string): Option {
  return new Option(flags, `${description}, separated by commas; by default all`).argParser(
    (text) => {
      const names = text.split(",");
      if (!names.includes("")) return [...new Set(names)];
      throw new InvalidArgumentError("One of the names is empty.");
    },
  );
}
