/**
 * The addon, ready-made, by the install script of the npm package itself.
 *
 * Owns running that script on a copy of what it needs, so that an interrupted download never
 * shows in the package. Never downloads anything by its own hand.
 * Invariant: a host that cannot be reached costs a few seconds at most.
 *
 * @module
 */
import { delimiter, dirname, join } from "node:path";
import { z } from "zod";
import type { AddonSource, Made, SourceTools } from "./addon_source.ts";
import { copyTree, hasBinding, removePath } from "./addon_tree.ts";
import { lastWords } from "./programs.ts";

/** What the script reads and compiles. */
const SCRIPT_PATHS = ["package.json", "binding.gyp", "scripts", "binding"];
/** Settings of the script that name another host: whoever sets them knows that it answers. */
const MIRRORS = ["TFJS_NODE_CDN_STORAGE", "TFJS_NODE_BASE_URI", "CDN_STORAGE"];
const HOST_TIMEOUT_MS = 5000;
const SCRIPT_TIMEOUT_MS = 600_000;

const packageSchema = z.object({ binary: z.object({ host: z.url() }) });

export interface InstallerSourceOptions extends SourceTools {
  /** Of the checkout; its `node_modules/.bin` has node-pre-gyp. */
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly build: Pick<typeof Deno.build, "target">;
}

/** Runs the install script that npm would have run. */
export class InstallerSource implements AddonSource {
  readonly key: string;
  readonly title = "tfjs-node's own installer";
  readonly state = "installed";
  readonly #options: InstallerSourceOptions;

  /** @param packageVersion The version of tfjs-node. */
  constructor(packageVersion: string, options: InstallerSourceOptions) {
    this.#options = options;
    this.key = `tfjs-node-${packageVersion}-installer-${options.build.target}`;
  }

  async obstacle(): Promise<string | undefined> {
    const node = await this.#options.programs.find("node");
    return node === undefined ? "tfjs-node's own installer needs node on PATH" : undefined;
  }

  async make(work: string): Promise<Made> {
    const fault = await this.#hostFault();
    if (fault !== undefined) return { fault };
    const { packageFolder, progress } = this.#options;
    progress.line("downloading TensorFlow by tfjs-node's own installer");
    // Beside the package, where the script's own imports are found as the package finds them.
    const copy = join(dirname(packageFolder), ".weir-installer");
    await removePath(copy);
    try {
      for (const path of SCRIPT_PATHS) await copyPath(join(packageFolder, path), join(copy, path));
      const failure = await this.#runScript(copy);
      if (failure !== undefined) return { fault: failure };
      await copyTree(copy, join(work, "tree"));
      return { tree: join(work, "tree") };
    } finally {
      await removePath(copy);
    }
  }

  async #runScript(folder: string): Promise<string | undefined> {
    const { programs, root, signal } = this.#options;
    const node = await programs.find("node");
    if (node === undefined) return "node is no longer on PATH";
    const run = await programs.run(node, [join("scripts", "install.js")], {
      cwd: folder,
      env: { PATH: join(root, "node_modules", ".bin") + delimiter + programs.path },
      timeoutMs: SCRIPT_TIMEOUT_MS,
      signal,
    });
    if (run.ok && await hasBinding(folder)) return undefined;
    return `tfjs-node's own installer failed: ${lastWords(run)}`;
  }

  /** Why the script would wait in vain; it has no time limit of its own. */
  async #hostFault(): Promise<string | undefined> {
    const { packageFolder, env, signal } = this.#options;
    if (MIRRORS.some((name) => env[name])) return undefined;
    const text = await Deno.readTextFile(join(packageFolder, "package.json"));
    const { host } = packageSchema.parse(JSON.parse(text)).binary;
    try {
      const response = await fetch(host, {
        method: "HEAD",
        signal: AbortSignal.any([signal, AbortSignal.timeout(HOST_TIMEOUT_MS)]),
      });
      await response.body?.cancel();
      return undefined;
    } catch {
      signal.throwIfAborted();
      return `tfjs-node's own installer cannot reach "${new URL(host).host}"`;
    }
  }
}

/** Copies a file, or a folder with all that is in it. */
async function copyPath(from: string, to: string): Promise<void> {
  const { isDirectory } = await Deno.stat(from);
  if (!isDirectory) {
    await Deno.mkdir(dirname(to), { recursive: true });
    return await Deno.copyFile(from, to);
  }
  for await (const { name } of Deno.readDir(from)) await copyPath(join(from, name), join(to, name));
}
