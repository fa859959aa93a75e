/**
 * `deno task start`, as somebody at a terminal runs it, with a look at all the processes it makes.
 *
 * Owns a data folder and everything that runs under the name of this start. Processes are found
 * by their environment or, as Redis writes over its own, by their working folder: one that has
 * lost its parent is seen too. That needs Linux.
 * Invariant: after disposing, none of them is left.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Program } from "./program.ts";
import { tempFolder } from "./temp_folder.ts";
import { until } from "./waiting.ts";

/** A process that belongs to a start. */
export interface Running {
  readonly pid: number;
  readonly command: string;
}

export interface StartOptions {
  /** Arguments behind `deno task start`. */
  readonly args?: readonly string[];
  /** Settings, beyond a free port and a data folder of its own. */
  readonly env?: Readonly<Record<string, string>>;
}

export class Started extends Program {
  /** Settings that a second start needs to get in this one's way. */
  readonly dataFolder: string;
  readonly #name: string;
  readonly #owned: AsyncDisposableStack;

  private constructor(
    name: string,
    dataFolder: string,
    { args = [], env = {} }: StartOptions,
    owned: AsyncDisposableStack,
  ) {
    const own = { WEIR_NAME: name, WEIR_PORT: "0", WEIR_ENGINE: "wasm", WEIR_DATA_DIR: dataFolder };
    super("start", ["task", "start", ...args], { ...own, ...env });
    this.#name = name;
    this.dataFolder = dataFolder;
    this.#owned = owned;
  }

  /** Runs the command; what it prints and how it ends is for the test to wait for. */
  static async run(options: StartOptions = {}): Promise<Started> {
    await using owned = new AsyncDisposableStack();
    const { path } = owned.use(await tempFolder());
    return new Started(`e2e-${crypto.randomUUID()}`, path, options, owned.move());
  }

  /** Waits until it serves, and gives its address. */
  async url(): Promise<string> {
    return /http:\S+/.exec(await this.line(/Weir serves at /))![0];
  }

  /** Everything that runs under its name now. */
  async processes(): Promise<Running[]> {
    const found: Running[] = [];
    for await (const { name: pid } of Deno.readDir("/proc")) {
      if (!/^\d+$/.test(pid)) continue;
      // It may end while it is looked at, and others' are not ours to read.
      const environ = await Deno.readTextFile(`/proc/${pid}/environ`).catch(() => "");
      const folder = await Deno.readLink(`/proc/${pid}/cwd`).catch(() => "");
      const ours = environ.split("\0").includes(`WEIR_NAME=${this.#name}`) ||
        folder.startsWith(this.dataFolder);
      if (!ours) continue;
      const command = await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "");
      found.push({ pid: Number(pid), command: command.replaceAll("\0", " ").trim() });
    }
    return found;
  }

  /** The process whose command line matches. */
  async process(command: RegExp): Promise<Running> {
    const running = await this.processes();
    const found = running.filter((process) => command.test(process.command));
    assert.equal(found.length, 1, running.map((process) => process.command).join("\n"));
    return found[0]!;
  }

  /** Waits until nothing of it is left. */
  async untilGone(): Promise<void> {
    await until("every process is gone", async () => (await this.processes()).length === 0);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    for (const { pid } of await this.processes()) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    }
    await super[Symbol.asyncDispose]();
    await this.#owned.disposeAsync();
  }
}
