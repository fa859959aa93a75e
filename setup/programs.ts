/**
 * The programs of this machine: found on the search path, run to their end.
 *
 * Owns the search path and the environment that every child gets. Never goes through a shell, so
 * no argument is ever parsed twice.
 * Invariant: a child sees the environment that was handed in, and nothing else.
 *
 * @module
 */
import { delimiter, join } from "node:path";

/** How a program ended. */
export interface ProgramRun {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** Added to the environment, or replacing names of it. */
  readonly env?: Readonly<Record<string, string>>;
  /** Ends the program (SIGTERM) as failed. */
  readonly timeoutMs?: number;
  /** Ends the program (SIGTERM) and rejects. */
  readonly signal: AbortSignal;
}

/** Finds and runs programs, all with one environment. */
export class Programs {
  readonly #env: Readonly<Record<string, string>>;

  /** @param env The environment of every child; `PATH` in it is the search path. */
  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  /** The search path, in order. */
  get path(): string {
    return this.#env["PATH"] ?? "";
  }

  /** The first executable file of that name on the search path. */
  async find(name: string): Promise<string | undefined> {
    for (const folder of this.path.split(delimiter)) {
      const file = join(folder, name);
      if (folder !== "" && await isExecutable(file)) return file;
    }
    return undefined;
  }

  /**
   * Runs a program to its end, without input.
   *
   * @throws The signal's reason when it aborts; the system's error when the file cannot be run.
   */
  async run(file: string, args: readonly string[], options: RunOptions): Promise<ProgramRun> {
    options.signal.throwIfAborted();
    const { cwd, timeoutMs, signal } = options;
    const timeout = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
    const command = new Deno.Command(file, {
      args: [...args],
      clearEnv: true,
      env: { ...this.#env, ...options.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: timeout === undefined ? signal : AbortSignal.any([signal, timeout]),
      ...(cwd === undefined ? {} : { cwd }),
    });
    const output = await command.output();
    signal.throwIfAborted();
    const text = new TextDecoder();
    const overdue = timeout?.aborted ? `\nnot finished within ${timeoutMs} ms` : "";
    return {
      ok: output.success,
      stdout: text.decode(output.stdout),
      stderr: text.decode(output.stderr) + overdue,
    };
  }
}

/** The last line that a failed program said: the one that usually names the fault. */
export function lastWords(run: ProgramRun): string {
  const lines = `${run.stdout}\n${run.stderr}`.split("\n").map((line) => line.trim());
  return lines.findLast((line) => line !== "") ?? "no message";
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    const { isFile, mode } = await Deno.stat(file);
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch {
    // Folders of the search path need not exist nor be readable.
    return false;
  }
}
