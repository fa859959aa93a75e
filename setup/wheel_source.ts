/**
 * The addon, compiled here from the npm package's sources against TensorFlow's wheel.
 *
 * Owns which machines this is possible on and how the binding is compiled. Never changes the npm
 * package.
 * Invariant: the binding finds its libraries relative to itself, so that the tree can be moved.
 *
 * @module
 */
import { dirname, join } from "node:path";
import headers from "node-api-headers";
import type { AddonSource, Made, SourceTools } from "./addon_source.ts";
import { lastWords } from "./programs.ts";
import type { SystemPackages, Tool } from "./system_packages.ts";
import {
  downloadWheel,
  extractZip,
  findPip,
  type Pip,
  TENSORFLOW_WHEELS,
  type Wheel,
} from "./tensorflow_wheel.ts";

/** In the order of linking. */
const LIBRARIES = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];
/** Folders of headers that the sources include, directly or not. */
const HEADERS = [
  "tensorflow/c/",
  "tensorflow/core/platform/",
  "tsl/platform/",
  "xla/tsl/c/",
];
const SOURCES = ["tfjs_backend.cc", "tfjs_binding.cc"];
/** The newest Node-API of the sources; node-pre-gyp looks for the binding under its number. */
const NODE_API = 8;

export interface WheelSourceOptions extends SourceTools {
  readonly packages: SystemPackages;
  readonly build: Pick<typeof Deno.build, "os" | "arch" | "env">;
}

/** Downloads the pinned wheel, extracts, compiles. */
export class WheelSource implements AddonSource {
  readonly key: string;
  readonly title: string;
  readonly state = "built";
  readonly #options: WheelSourceOptions;
  readonly #wheel: Wheel;

  /** @param packageVersion The version of tfjs-node whose sources are compiled. */
  constructor(packageVersion: string, options: WheelSourceOptions) {
    this.#options = options;
    this.#wheel = TENSORFLOW_WHEELS[options.build.arch];
    const { version, platform, sha256 } = this.#wheel;
    this.key = `tfjs-node-${packageVersion}-tensorflow-${version}-${platform}-${
      sha256.slice(0, 12)
    }`;
    this.title = `TensorFlow ${version} from the Python package index`;
  }

  async obstacle(): Promise<string | undefined> {
    const { os, env, arch } = this.#options.build;
    if (os !== "linux" || env !== "gnu") {
      return `TensorFlow's libraries are published for Linux with glibc, not for ${os} on ${arch}`;
    }
    const missing: Tool[] = [];
    if (await this.#options.programs.find("g++") === undefined) missing.push("g++");
    if (await this.#pip() === undefined) missing.push("pip");
    return missing.length === 0 ? undefined : await this.#options.packages.install(missing);
  }

  async make(work: string): Promise<Made> {
    const { progress, signal } = this.#options;
    const pip = await this.#pip();
    if (pip === undefined) return { fault: "pip was installed but does not answer" };
    const wheel = await downloadWheel(this.#wheel, work, pip, this.#options);
    if ("fault" in wheel) return wheel;

    progress.line("extracting TensorFlow's libraries");
    const tree = join(work, "tree");
    const include = join(work, "include");
    await extractZip(wheel.path, (entry) => placeEntry(entry, tree, include), { signal });

    progress.line("compiling tfjs-node's binding");
    const fault = await this.#compile(tree, include);
    return fault === undefined ? { tree } : { fault };
  }

  #pip(): Promise<Pip | undefined> {
    return findPip(this.#options.programs, this.#options);
  }

  async #compile(tree: string, include: string): Promise<string | undefined> {
    const { programs, packageFolder, signal } = this.#options;
    const compiler = await programs.find("g++");
    if (compiler === undefined) return "g++ was installed but is not found";
    const binding = join(tree, "lib", `napi-v${NODE_API}`, "tfjs_binding.node");
    await Deno.mkdir(dirname(binding), { recursive: true });
    const run = await programs.run(compiler, [
      "-std=c++17",
      "-O2",
      "-shared",
      "-fPIC",
      `-DNAPI_VERSION=${NODE_API}`,
      `-I${headers.include_dir}`,
      `-I${include}`,
      // The sources name their own headers from the package's folder.
      `-I${packageFolder}`,
      ...SOURCES.map((name) => join(packageFolder, "binding", name)),
      ...LIBRARIES.map((name) => join(tree, "deps", "lib", name)),
      "-Wl,-rpath,$ORIGIN/../../deps/lib",
      "-o",
      binding,
    ], { signal });
    return run.ok ? undefined : `g++ cannot compile tfjs-node's binding: ${lastWords(run)}`;
  }
}

/** Where an entry of the wheel belongs: libraries into the tree, headers beside it. */
export function placeEntry(entry: string, tree: string, include: string): string | undefined {
  const name = entry.replace(/^tensorflow\//, "");
  if (LIBRARIES.includes(name)) return join(tree, "deps", "lib", name);
  const header = name.replace(/^include\//, "");
  return HEADERS.some((folder) => header.startsWith(folder)) ? join(include, header) : undefined;
}
