/**
 * The clients' commands, with their flags.
 *
 * @module
 */
import type { Command } from "commander";
import { readKey } from "./key.ts";

/** What a client has of its process. */
export interface ClientParts {
  /** Takes one line, or several with line breaks between. */
  readonly write: (text: string) => void;
  readonly signal: AbortSignal;
  /** `WEIR_API_KEY`. */
  readonly key: string | undefined;
}

/** Runs a client to its end; what its work returns is the exit code. */
export type RunClient = (work: (parts: ClientParts) => Promise<number>) => Promise<void>;

/** The flags of all clients; one is undefined where its command has none, or it was not given. */
interface Flags {
  readonly url: string;
  readonly json: boolean;
  readonly keyFile: string | undefined;
  readonly model: string | undefined;
  readonly top: string | undefined;
  readonly limit: string | undefined;
}

type Work = (args: readonly string[], options: Flags & ClientParts) => Promise<number>;

/** Adds `classify`, `explain` and `dead` to the program. */
export function addClientCommands(program: Command, run: RunClient): void {
  const add = (parent: Command, usage: string, work: Work) =>
    parent.command(usage)
      .option("--url <url>", "the gateway's address", "http://127.0.0.1:8080")
      .option("--key-file <file>", "file with the API key; without it, WEIR_API_KEY is sent")
      .option("--json", "print JSON", false)
      .action((...given) => {
        const command = given.at(-1) as Command;
        const flags = command.opts<Flags>();
        return run(async (parts) => {
          const key = await readKey(flags.keyFile, parts.key);
          if (key.ok) return await work(command.args, { ...flags, ...parts, key: key.value });
          parts.write(key.detail);
          return 1;
        });
      });
  add(program, "classify <files...>", async (files, options) => {
    const { classify } = await import("./classify.ts");
    return await classify({ files, ...options });
  })
    .description("a client: classifies photos and prints a table")
    .option("--model <name>", "the model, instead of the default one")
    .option("--top <k>", "predictions for each photo");
  add(program, "explain <id>", async ([id], options) => {
    const { explain } = await import("./explain.ts");
    return await explain({ id: id!, ...options });
  })
    .description("a client: tells a job's whole story, and where its time went");
  const letters = () => import("./dead.ts");
  const dead = program.command("dead")
    .description("a client: jobs that were given up, kept with their images");
  add(dead, "list", async (_, options) => (await letters()).listDead(options))
    .description("lists the newest")
    .option("--model <name>", "only of this model")
    .option("--limit <n>", "how many at most");
  add(dead, "replay <ids...>", async (ids, options) => (await letters()).replayDead(ids, options))
    .description("makes a new job of each");
  add(dead, "discard <ids...>", async (ids, options) => (await letters()).discardDead(ids, options))
    .description("throws them away, images included");
}
