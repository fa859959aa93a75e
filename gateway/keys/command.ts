/**
 * The flags of `key`.
 *
 * @module
 */
import { Command, Option } from "commander";
import { countOption } from "../../shared/count_option.ts";
import { namesOption } from "../../shared/names_option.ts";
import { ROLES } from "./api_key.ts";
import { COUNT_MAX, type KeyEntry } from "./keys_file.ts";

/** What an entry can have besides its digest. */
export type KeyFields = Omit<KeyEntry, "sha256">;

interface Flags {
  readonly role?: (typeof ROLES)[number];
  readonly models?: string[];
  readonly requests?: number;
  readonly bytes?: number;
  readonly window?: number;
  readonly concurrency?: number;
}

const BOUNDS = { max: COUNT_MAX };

/** Makes the command; its action is given the new key's fields. */
export function keyCommand(action: (fields: KeyFields) => Promise<void>): Command {
  const command = new Command("key").description("API keys of the gateway");
  command.command("new <name>")
    .description("makes a key, prints it once, and adds its entry to WEIR_API_KEYS_FILE")
    .addOption(new Option("--role <role>", "what it may be used for").choices(ROLES))
    .addOption(namesOption("--models <names>", "models that it may use"))
    .addOption(countOption("--requests <n>", "jobs that it may submit in a window", BOUNDS))
    .addOption(countOption("--bytes <n>", "bytes of images that it may submit in a window", BOUNDS))
    .addOption(countOption("--window <seconds>", "length of a window (default: 60)", BOUNDS))
    .addOption(countOption("--concurrency <n>", "unfinished jobs that it may have at once", BOUNDS))
    .action((name: string, flags: Flags) => action(fieldsOf(name, flags)));
  return command;
}

function fieldsOf(
  name: string,
  { role, models, requests, bytes, window, concurrency }: Flags,
): KeyFields {
  const quota = {
    ...(requests !== undefined && { requests }),
    ...(bytes !== undefined && { bytes }),
    ...(window !== undefined && { windowSeconds: window }),
    ...(concurrency !== undefined && { concurrency }),
  };
  return {
    name,
    ...(role !== undefined && { role }),
    ...(models !== undefined && { models }),
    ...(Object.keys(quota).length > 0 && { quota }),
  };
}
