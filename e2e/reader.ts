/**
 * Somebody who follows a document: runs its blocks in order, as in one terminal.
 *
 * Owns what the blocks start and write. What the document says of a machine, its ports and its
 * `~/weir`, is replaced by what the test has.
 * Invariant: variables that a block sets are there in the next; after disposing, nothing that a
 * block left in the background runs.
 *
 * @module
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import type { Block, Document } from "./documents.ts";
import { environment, ROOT } from "./program.ts";
import { within } from "./waiting.ts";

/** How a block of each language is run, given its file. */
const RUN: Readonly<Record<string, string>> = {
  sh: ". ",
  python: '"$PYTHON" ',
  ts: "deno run --quiet --allow-net --allow-read ",
};

/** Before each block: what the ones before it have set. Jobs get groups of their own. */
const PRELUDE = [
  "set -aeuo pipefail; set -m",
  'if [ -f "$READER/variables" ]; then . "$READER/variables"; fi',
  `trap 'export -p > "$READER/variables"; jobs -p >> "$READER/jobs"' EXIT`,
].join("\n");

export interface ReaderOptions {
  /** An empty folder, for what is written. */
  readonly folder: string;
  /** What stands in place of texts of the document. */
  readonly instead: Readonly<Record<string, string>>;
  /** An interpreter with the packages that the document names. */
  readonly python: { readonly executable: string; readonly env: Readonly<Record<string, string>> };
}

/** Whether a block is one to run. */
export function isRun({ language }: Block): boolean {
  return language in RUN;
}

export class Reader implements AsyncDisposable {
  readonly #options: ReaderOptions;
  readonly #env: Record<string, string>;
  /** Process groups of the blocks. */
  readonly #groups: number[] = [];

  constructor(options: ReaderOptions) {
    const { folder, python } = options;
    this.#options = options;
    const path = [dirname(Deno.execPath()), Deno.env.get("PATH")].join(":");
    this.#env = environment({
      ...{ READER: folder, PYTHON: python.executable, PATH: path, WEIR_ENGINE: "wasm" },
      ...python.env,
    });
  }

  /** Runs all that there is to run, and holds what is printed against what the document says. */
  async follow({ path, blocks }: Document): Promise<void> {
    for (const [i, block] of blocks.entries()) {
      if (!isRun(block)) continue;
      const about = `${path}:${block.line}`;
      const printed = await within(this.#run(block, about), `${about} ends`);
      const next = blocks[i + 1];
      if (next?.language === "output") assertPrinted(about, printed, this.#replace(next.text));
    }
  }

  #replace(text: string): string {
    const names = Object.keys(this.#options.instead).map((name) => RegExp.escape(name));
    const any = new RegExp(`(?<![\\w.])(${names.join("|")})(?!\\w)`, "g");
    return text.replaceAll(any, (name) => this.#options.instead[name]!);
  }

  async #run({ language, text, line }: Block, about: string): Promise<string> {
    const file = join(this.#options.folder, `block${line}.${language}`);
    await Deno.writeTextFile(file, this.#replace(text));
    const process = new Deno.Command("bash", {
      args: ["-c", `${PRELUDE}\n${RUN[language]}${file}`],
      env: this.#env,
      clearEnv: true,
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
    this.#groups.push(process.pid);
    const { success, stdout, stderr } = await process.output();
    const [printed, complaints] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert(success, `${about} fails\n${printed}${complaints}`);
    return printed!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const jobs = await Deno.readTextFile(join(this.#options.folder, "jobs")).catch(() => "");
    for (const group of [...this.#groups, ...jobs.split(/\s+/).filter(Boolean).map(Number)]) {
      try {
        Deno.kill(-group, "SIGKILL");
      } catch {
        // It has ended, as it should.
      }
    }
  }
}

/** Asserts that a text was printed; `…` stands for anything, line breaks too. */
function assertPrinted(about: string, printed: string, said: string): void {
  const [has, wanted] = [printed, said].map((text) =>
    text.replaceAll(/ +/g, " ").replaceAll(/ $/gm, "").trim()
  );
  const pattern = wanted!.split("…").map((text) => RegExp.escape(text)).join("[^]*?");
  const fits = new RegExp(`^${pattern}$`).test(has!);
  assert(fits, `${about} prints\n${has}\nand the document says\n${wanted}`);
}
