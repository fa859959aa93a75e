/**
 * The flags of `model`.
 *
 * @module
 */
import { Command, Option } from "commander";
import { countOption } from "../shared/count_option.ts";
import { ACTIVATIONS, INPUT_SIDE_MAX, OUTPUT_KINDS } from "../shared/model_card.ts";
import type { AddOptions } from "./add.ts";
import { CATALOGUE } from "./catalogue.ts";
import type { CheckOptions } from "./check.ts";
import type { ModelParts } from "./parts.ts";
import type { RemoveOptions } from "./remove.ts";

/** Runs a command to its end; what its work returns is the exit code. */
export type RunModel = (work: (parts: ModelParts) => Promise<number>) => Promise<void>;

/** As a shell has it for a program that Ctrl-C ended. */
const STOPPED = 130;

const VERSIONS = { min: 0, max: 999_999_999_999_999 };
const SIDES = { max: INPUT_SIDE_MAX };

/** Makes the command; each of its own is run by `run`. */
export function modelCommand(run: RunModel): Command {
  const command = new Command("model").description("models of the repository (WEIR_MODELS)");
  addList(command, run);
  addAdd(command, run);
  addCheck(command, run);
  addRemove(command, run);
  return command;
}

function addList(command: Command, run: RunModel): void {
  command.command("list")
    .description("shows the models: versions, formats, engines, labels, sizes, the default")
    .action(() => run(async (parts) => (await import("./list.ts")).listModels(parts)));
}

function addAdd(command: Command, run: RunModel): void {
  command.command("add <source>")
    .description(
      "adds a model, or a version of one, as a whole or not at all. SOURCE is a name below, the " +
        "address or path of a model.json, an .onnx file or an archive (.tar.gz, .zip), or the " +
        "path of a folder, such as a SavedModel. A download that was cut off goes on when the " +
        "same command is run again",
    )
    .option("--name <name>", "the model's name; by default it is made from the source's")
    .addOption(countOption("--version <n>", "number of the version; a new model's is 1", VERSIONS))
    .option("--default", "the model becomes the default one", false)
    .option(
      "--sha256 <[file=]hex>",
      "digest of the file that SOURCE names, or of FILE, such as a shard; can be repeated",
      (text, before: readonly string[]) => [...before, text],
      [] as readonly string[],
    )
    .option("--labels <file>", "file with one label on each line, in the order of the classes")
    .option(
      "--scale <scale>",
      "how samples become numbers: minus1to1, 0to1, 0to255, caffe, or JSON of mean and std",
    )
    .addOption(
      new Option("--activation <name>", "what turns the network's answer into probabilities")
        .choices(ACTIVATIONS),
    )
    .addOption(
      new Option("--kind <kind>", "what the network answers")
        .choices(OUTPUT_KINDS),
    )
    .addOption(
      countOption(
        "--width <pixels>",
        "width of the network's input, if it leaves that open",
        SIDES,
      ),
    )
    .addOption(
      countOption(
        "--height <pixels>",
        "height of the network's input, if it leaves that open",
        SIDES,
      ),
    )
    .addHelpText("after", `\nModels known by name:\n${names()}`)
    .action((source: string, flags: Omit<AddOptions, "source">) =>
      run((parts) =>
        untilStopped(parts, async () => {
          await (await import("./add.ts")).addModel({ source, ...flags }, parts);
          return 0;
        })
      )
    );
}

function names(): string {
  return Object.entries(CATALOGUE)
    .map(([name, { about, url }]) => `  ${name.padEnd(14)}${about}\n${" ".repeat(16)}${url}`)
    .join("\n");
}

function addCheck(command: Command, run: RunModel): void {
  command.command("check [name]")
    .description(
      "runs a photo through a model (the default one unless named), shows shapes, preprocessing " +
        "and classes, and says what looks wrong; if anything does, the exit code is 1",
    )
    .option("--photo <file>", "instead of one that comes with Weir")
    .action((name: string | undefined, flags: Omit<CheckOptions, "name">) =>
      run(async (parts) => (await import("./check.ts")).checkModel({ name, ...flags }, parts))
    );
}

function addRemove(command: Command, run: RunModel): void {
  command.command("remove <name>")
    .description("removes a model, or one version of it, as a whole or not at all")
    .addOption(countOption("--version <n>", "only this version", VERSIONS))
    .option("--default <other>", "the model that becomes the default one")
    .action((name: string, flags: Omit<RemoveOptions, "name">) =>
      run(async (parts) => {
        await (await import("./remove.ts")).removeModel({ name, ...flags }, parts);
        return 0;
      })
    );
}

/** A stop that a person asked for is no error. */
async function untilStopped(
  { signal, write }: ModelParts,
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!signal.aborted) throw error;
    write("stopped; the repository is as it was, and what the next try can go on with is kept");
    return STOPPED;
  }
}
