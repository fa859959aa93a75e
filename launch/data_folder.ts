/**
 * The folder of the embedded Redis, held by one `start` at a time.
 *
 * @module
 */
import { join, resolve } from "node:path";
import { StartError } from "./start_error.ts";

/**
 * Takes the folder, making it where it is missing; disposing gives it back. The lock goes with
 * the process, so a crash leaves none behind.
 *
 * @throws {StartError} where another `start` holds it
 */
export async function takeDataFolder(folder: string): Promise<{ path: string } & Disposable> {
  const root = resolve(folder);
  const path = join(root, "redis");
  await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  const lock = await Deno.open(join(root, "lock"), { create: true, write: true });
  if (!await lock.tryLock(true)) {
    lock.close();
    throw new StartError(
      `cannot use data folder "${root}": another Weir uses it, stop that one or set WEIR_DATA_DIR`,
    );
  }
  return { path, [Symbol.dispose]: () => lock.close() };
}
