/**
 * The clients' commands as tests run them, and a gateway's own application to run them against.
 *
 * @module
 */
import { openApp, type OpenAppOptions, type OpenedApp } from "../../gateway/testing/app.ts";
import type { CommandOptions } from "../gateway.ts";

export interface Served extends AsyncDisposable {
  readonly url: string;
  readonly opened: OpenedApp;
}

/** Serves an application on a real Redis at a port of this machine. */
export async function serveApp(options: OpenAppOptions = {}): Promise<Served> {
  await using stack = new AsyncDisposableStack();
  const opened = stack.use(await openApp(options));
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    opened.app.fetch,
  );
  stack.defer(() => server.shutdown());
  const owned = stack.move();
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    opened,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Runs a command, with what it needs at least, and gives the exit code with what was written. */
export async function run(
  command: (least: Omit<CommandOptions, "url">) => Promise<number>,
): Promise<{ code: number; text: string }> {
  const lines: string[] = [];
  const code = await command({
    key: undefined,
    json: false,
    write: (text) => void lines.push(text),
    signal: new AbortController().signal,
  });
  return { code, text: lines.join("\n") };
}
