/**
 * A repository, a place for downloads and a server, for one test of the commands.
 *
 * @module
 */
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { systemClock } from "../../shared/clock.ts";
import { type Config, parseConfig } from "../../shared/config.ts";
import { addModel, type AddOptions } from "../add.ts";
import type { ModelParts } from "../parts.ts";
import type { Settings } from "../settings.ts";
import { FileServer } from "./file_server.ts";
import { snapshot } from "./snapshot.ts";

export class Bench implements AsyncDisposable {
  readonly server = new FileServer();
  /** What the commands have said. */
  readonly said: string[] = [];
  readonly #folder = Deno.makeTempDirSync({ prefix: "weir-models-" });
  readonly repository = join(this.#folder, "models");
  readonly data = join(this.#folder, "data");

  constructor() {
    Deno.mkdirSync(this.repository);
  }

  /** A path beside the repository. */
  path(...parts: string[]): string {
    return join(this.#folder, ...parts);
  }

  /** What a command has of its process. */
  parts(engine: Config["WEIR_ENGINE"] = "wasm", signal?: AbortSignal): ModelParts {
    const read = parseConfig({
      WEIR_MODELS: this.repository,
      WEIR_DATA_DIR: this.data,
      WEIR_ENGINE: engine,
    });
    if (!read.ok) throw new Error(read.faults.join("; "));
    return {
      config: read.config,
      clock: systemClock,
      write: (text) => void this.said.push(text),
      terminal: new PassThrough().resume(),
      signal: signal ?? new AbortController().signal,
    };
  }

  /** The same, of another repository. */
  partsOf(repository: string): ModelParts {
    const parts = this.parts();
    return { ...parts, config: { ...parts.config, WEIR_MODELS: repository } };
  }

  async add(
    options: Partial<AddOptions> & Pick<AddOptions, "source">,
    parts: ModelParts = this.parts(),
  ): Promise<void> {
    await addModel({ default: false, sha256: [], ...options }, parts);
  }

  /** The repository, byte for byte. */
  snapshot(): Promise<Record<string, string>> {
    return snapshot(this.repository);
  }

  /** A model's `weir.json`. */
  async settings(name: string): Promise<Settings & { readonly sha256: Record<string, string> }> {
    return JSON.parse(await Deno.readTextFile(join(this.repository, name, "weir.json")));
  }

  async write(path: string, text: string): Promise<string> {
    await Deno.writeTextFile(this.path(path), text);
    return this.path(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
