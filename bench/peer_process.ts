/**
 * What the processes of the systems beside Weir have in common.
 *
 * For bench alone.
 *
 * @module
 */
// deno-lint-ignore-file no-console -- it says when it is ready
import process from "node:process";

/** Ends this process with whoever started it. */
export function endWithStarter(): void {
  process.stdin.resume().on("end", () => process.exit(0));
}

/** Serves on a free port of the loopback interface, and says which. */
export function serve(fetch: Deno.ServeHandler): void {
  Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }) => console.log(`gateway ready url=http://127.0.0.1:${port}`),
  }, fetch);
}
