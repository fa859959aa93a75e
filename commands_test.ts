import assert from "node:assert/strict";
import type { Command } from "commander";
import deno from "./deno.json" with { type: "json" };
import { type Actions, commandLine } from "./commands.ts";

const nothing = () => Promise.resolve();
const ACTIONS: Actions = {
  start: nothing,
  gateway: nothing,
  worker: nothing,
  client: nothing,
  key: nothing,
  model: nothing,
  bench: nothing,
  faults: nothing,
  fuzz: nothing,
  setup: nothing,
};

/** A command, and all below it. */
function* withAllBelow(command: Command): Iterable<Command> {
  yield command;
  for (const below of command.commands) yield* withAllBelow(below);
}

Deno.test("the help of each command begins with what is typed to run it", () => {
  const program = commandLine(ACTIONS);
  for (const command of program.commands) {
    const task = command.name();
    assert(task in deno.tasks, `"${task}" is no task`);
    for (const each of withAllBelow(command)) {
      const path = each === command ? task : `${task} ${each.name()}`;
      const usage = each.helpInformation().split("\n", 1)[0]!;
      assert(`${usage} `.startsWith(`Usage: deno task ${path} `), usage);
    }
  }
});
