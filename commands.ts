/**
 * The command line: every command, its flags, and which of the program's actions it stands for.
 *
 * Never acts by itself: what the actions are, `main.ts` says. Every process reads it, so it loads
 * nothing that one role alone needs.
 *
 * @module
 */
import { Command } from "commander";
import { benchCommand } from "./bench/command.ts";
import type { BenchOptions } from "./bench/mod.ts";
import { addClientCommands, type RunClient } from "./client/command.ts";
import { faultsCommand } from "./faults/command.ts";
import { fuzzCommand } from "./faults/fuzz/command.ts";
import type { FuzzOptions } from "./faults/fuzz/mod.ts";
import type { FaultsOptions } from "./faults/mod.ts";
import { keyCommand, type KeyFields } from "./gateway/keys/command.ts";
import { startCommand, type StartOptions } from "./launch/command.ts";
import { modelCommand, type RunModel } from "./models/command.ts";
import { namesOption } from "./shared/names_option.ts";

/** The flags of a role that runs alone. */
export interface RoleOptions {
  /** Whether the end of standard input asks it to drain. */
  readonly lifeline?: boolean;
  /** Of a gateway: whether others may listen at its port. */
  readonly sharePort?: boolean;
  /** Of a worker: the models that it serves; all of the repository unless given. */
  readonly models?: readonly string[];
}

/** What each command does. */
export interface Actions {
  readonly start: (options: StartOptions) => Promise<void>;
  readonly gateway: (options: RoleOptions) => Promise<void>;
  readonly worker: (options: RoleOptions) => Promise<void>;
  readonly client: RunClient;
  readonly key: (fields: KeyFields) => Promise<void>;
  readonly model: RunModel;
  readonly bench: (options: BenchOptions) => Promise<void>;
  readonly faults: (options: FaultsOptions) => Promise<void>;
  readonly fuzz: (options: FuzzOptions) => Promise<void>;
  readonly setup: () => Promise<void>;
}

/** Makes the program, which is to be given the arguments. */
export function commandLine(actions: Actions): Command {
  // What is typed before a command's name: there is no program of the project's own name.
  const program = new Command("deno task")
    .description("Image inference behind HTTP, on Redis Streams")
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: false });
  program.addCommand(startCommand(actions.start));
  program.command("gateway")
    .description("the HTTP side alone; needs REDIS_URL")
    .option("--lifeline", "drain when standard input closes")
    .option("--share-port", "let several gateways listen on WEIR_PORT (Linux)")
    .action(actions.gateway);
  program.command("worker")
    .description("the model's side alone; needs REDIS_URL")
    .option("--lifeline", "drain when standard input closes")
    .addOption(namesOption("--models <names>", "models to serve"))
    .action(actions.worker);
  addClientCommands(program, actions.client);
  program.addCommand(keyCommand(actions.key));
  program.addCommand(modelCommand(actions.model));
  program.addCommand(benchCommand(actions.bench));
  program.addCommand(faultsCommand(actions.faults));
  program.addCommand(fuzzCommand(actions.fuzz));
  program.command("setup")
    .description("set-up alone: redis-server and TensorFlow's native library")
    .action(() => actions.setup());
  return program;
}
