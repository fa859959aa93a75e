/**
 * The bare loop, as bench asks it: so many images at once, for so long.
 *
 * Owns the process. Invariant: after disposing there is none.
 *
 * @module
 */
import { join } from "node:path";
import { linesOf } from "../../shared/lines.ts";
import { BenchError } from "../load.ts";
import type { BenchParts } from "../parts.ts";

/** What the loop is asked for. */
export interface BareTask {
  /** Images in a batch. */
  readonly images: number;
  readonly seconds: number;
  /** Whether the next batch is decoded beside the one that runs. */
  readonly ahead: boolean;
}

/** What came of it. */
export interface BareRun {
  readonly images: number;
  readonly ms: number;
  /** Of each batch: from the end of the one before to its own. */
  readonly batchMs: readonly number[];
  /** Of each batch: the model alone. */
  readonly modelMs: readonly number[];
  /** The process' own processor time. */
  readonly cpuMs: number;
}

export interface BareLoopOptions {
  readonly engine: string;
  /** Folder of models, of which the default one is run. */
  readonly repository: string;
  /** Path of the photo. */
  readonly photo: string;
}

export class BareLoop implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lines: AsyncIterator<string>;

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#writer = process.stdin.getWriter();
    this.#lines = linesOf(process.stdout)[Symbol.asyncIterator]();
  }

  /** Starts it; ready when its model is loaded. */
  static async start(
    { root, env }: BenchParts,
    { engine, repository, photo }: BareLoopOptions,
  ): Promise<BareLoop> {
    const permissions = ["--allow-env", "--allow-read", "--allow-ffi", "--allow-sys"];
    const program = join(root, "bench", "bare", "program.ts");
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", ...permissions, program, engine, repository, photo],
      env: { ...env, TF_CPP_MIN_LOG_LEVEL: "2" },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      // Ctrl-C is ours to handle.
      detached: true,
    }).spawn();
    const loop = new BareLoop(process);
    await loop.#until(/^bare loop ready/);
    return loop;
  }

  async run(task: BareTask): Promise<BareRun> {
    await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(task)}\n`));
    return JSON.parse(await this.#until(/^\{/));
  }

  async #until(wanted: RegExp): Promise<string> {
    while (true) {
      const { done, value } = await this.#lines.next();
      if (done) throw new BenchError("its bare loop ended");
      if (wanted.test(value)) return value;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {});
    while (!(await this.#lines.next()).done);
    await this.#process.status;
  }
}
