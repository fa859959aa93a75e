/**
 * What Redis says of its own commands: since when each exists, and each of its options.
 *
 * @module
 */
import type { Redis } from "ioredis";

/** A command with what came later than some version. */
export interface CommandDocs {
  /** Version that had it first: `6.2.0`. */
  readonly since: string;
  /** Options that are newer than the version asked about, in capitals. */
  readonly newerOptions: ReadonlySet<string>;
}

/** A map in the flat form in which Redis sends it. */
type Flat = readonly (string | Flat)[];

function mapOf(flat: Flat): Map<string, Flat> {
  const map = new Map<string, Flat>();
  for (let i = 0; i + 1 < flat.length; i += 2) map.set(flat[i] as string, flat[i + 1] as Flat);
  return map;
}

/** Whether a version is above another. */
export function isNewer(version: string, than: string): boolean {
  return version.localeCompare(than, "en", { numeric: true }) > 0;
}

/**
 * Reads the documentation of some commands.
 *
 * @param names as `INFO commandstats` has them: `xadd`, `xgroup|create`
 * @param version beyond which an option is new
 */
export async function commandDocs(
  client: Redis,
  names: Iterable<string>,
  version: string,
): Promise<Map<string, CommandDocs>> {
  const docs = new Map<string, CommandDocs>();
  const containers = new Set(Array.from(names, (name) => name.split("|")[0]!));
  const add = (name: string, entry: Map<string, Flat>) => {
    const since = String(entry.get("since"));
    docs.set(name, { since, newerOptions: newerOptions(entry, version) });
    for (const [sub, flat] of mapOf(entry.get("subcommands") ?? [])) add(sub, mapOf(flat));
  };
  const reply = await client.call("COMMAND", "DOCS", ...containers) as Flat;
  for (const [name, flat] of mapOf(reply)) add(name, mapOf(flat));
  return docs;
}

/** Some options say since when they exist; of others only the command's history tells. */
function newerOptions(entry: Map<string, Flat>, version: string): Set<string> {
  const told = ((entry.get("history") ?? []) as readonly [string, string][])
    .filter(([since]) => isNewer(since, version))
    .flatMap(([, text]) => Array.from(text.matchAll(/`([^`]+)`/g), ([, name]) => name!));
  const names = new Set(told.map((name) => name.toLowerCase()));
  const newer = new Set<string>();
  const look = (args: Flat, parentIsNewer: boolean) => {
    for (const arg of (args as readonly Flat[]).map(mapOf)) {
      const token = String(arg.get("token") ?? "");
      const isNew = parentIsNewer || isNewer(String(arg.get("since") ?? "0"), version) ||
        names.has(String(arg.get("name"))) || names.has(token.toLowerCase());
      if (isNew && token !== "") newer.add(token);
      look(arg.get("arguments") ?? [], isNew);
    }
  };
  look(entry.get("arguments") ?? [], false);
  return newer;
}
