/**
 * Running the atomic steps: by their digest, and by their text where Redis does not know it.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { ChainableCommander } from "ioredis";
import { replyCode } from "./connection.ts";
import type { Commands } from "./guard.ts";

/** An argument of a script. */
export type Arg = string | number | Buffer;

/** A Lua text with its SHA-1 digest, the name under which Redis keeps it. */
export class Script {
  readonly text: string;
  readonly digest: string;

  constructor(text: string) {
    this.text = text;
    this.digest = createHash("sha1").update(text).digest("hex");
  }
}

/** Runs a script once. */
export async function runScript(
  commands: Commands,
  script: Script,
  keys: readonly string[],
  args: readonly Arg[],
): Promise<unknown> {
  return await commands.run(async (client) => {
    try {
      return await client.evalsha(script.digest, keys.length, ...keys, ...args);
    } catch (error) {
      if (replyCode(error) !== "NOSCRIPT") throw error;
      return await client.eval(script.text, keys.length, ...keys, ...args);
    }
  });
}

/** Keys and arguments of one run. */
export interface Call {
  readonly keys: readonly string[];
  readonly args: readonly Arg[];
}

/** Runs a script many times in one round trip; results in the order of the calls. */
export async function runScripts(
  commands: Commands,
  script: Script,
  calls: readonly Call[],
): Promise<unknown[]> {
  const [first] = calls;
  if (first === undefined) return [];
  if (calls.length === 1) return [await runScript(commands, script, first.keys, first.args)];
  return await commands.run(async (client) => {
    const pipeline: ChainableCommander = client.pipeline();
    for (const { keys, args } of calls) {
      pipeline.evalsha(script.digest, keys.length, ...keys, ...args);
    }
    const replies = await pipeline.exec() ?? [];
    return await Promise.all(calls.map(({ keys, args }, i) => {
      const [error, value] = replies[i] ?? [new Error("pipeline was cut short")];
      if (error === null) return value;
      if (replyCode(error) !== "NOSCRIPT") throw error;
      return client.eval(script.text, keys.length, ...keys, ...args);
    }));
  });
}
