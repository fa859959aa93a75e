/**
 * The files of `deploy/`, read, and what of the project they are held against.
 *
 * @module
 */
import { parse, parseAllDocuments } from "yaml";
import project from "../../deno.json" with { type: "json" };
import { SETTINGS } from "../../shared/config.ts";

export type Role = "gateway" | "worker";

/** Both of them. */
export const ROLES: readonly Role[] = ["gateway", "worker"];

/**
 * How a role is run where it is deployed: as its task does, with the packages that there are, so
 * that no start looks for one.
 */
export function commandOf(role: Role): string[] {
  const [deno, run, ...args] = project.tasks[role].command.split(" ");
  return [deno!, run!, "--node-modules-dir=manual", ...args];
}

/**
 * How long a role takes to stop in good order, in milliseconds: its delay and its time to drain, as its environment has them, and some to say goodbye.
 */
export function stopMs(env: Readonly<Record<string, string | undefined>> = {}): number {
  const msOf = (name: "WEIR_DRAIN_DELAY_MS" | "WEIR_DRAIN_MS") =>
    Number(env[name] ?? SETTINGS[name].default);
  return msOf("WEIR_DRAIN_DELAY_MS") + msOf("WEIR_DRAIN_MS") + 5000;
}

/** Port of each role in a container: the gateway's own default, and that of the worker's status. */
export const PORTS: Readonly<Record<Role, number>> = {
  gateway: Number(SETTINGS.WEIR_PORT.default),
  worker: 9464,
};

const FOLDER = new URL("../", import.meta.url);

/** A file's text. */
export async function read(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(path, FOLDER));
}

/** The document of a YAML file, anchors and merges resolved. */
export async function readYaml<T>(path: string): Promise<T> {
  return parse(await read(path), { merge: true });
}

/** All documents of a YAML file. */
export async function readManifests<T>(path: string): Promise<T[]> {
  return parseAllDocuments(await read(path)).map((document) => document.toJS());
}

/** Paths of all files below the folder that people deploy with; tests are none of them. */
export async function pathsBelow(path = ""): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(path, FOLDER))) {
    if (/_test\.|^test/.test(name)) continue;
    if (isDirectory) paths.push(...await pathsBelow(`${path}${name}/`));
    else paths.push(path + name);
  }
  return paths.sort();
}

/** Why an image's name may change what it means from one day to the next; undefined where it may not. */
export function whyNotPinned(image: string): string | undefined {
  const tag = /:([^/]+)$/.exec(image)?.[1];
  if (tag === undefined) return `${image} has no tag`;
  // Our own are whoever builds them's to number.
  if (/^weir-/.test(image)) return undefined;
  return /\d+\.\d+\.\d+|-\d{8}/.test(tag) ? undefined : `${image} is no exact version`;
}
