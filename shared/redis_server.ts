/**
 * A redis-server of our own: for `start` without `REDIS_URL`, and for the tests.
 *
 * Owns the process. It listens on a free loopback port, never 6379, behind a random password, and
 * dies with us, even when we are killed. Invariant: once started, it is stopped by disposing.
 *
 * @module
 */
import { linesOf } from "./lines.ts";

/**
 * Runs the command given as arguments and ends it when standard input closes, which it does
 * however the parent dies.
 */
const LIFELINE = `
exec 3<&0
"$0" "$@" 3<&- </dev/null 2>&1 &
child=$!
( while read -r _ <&3; do :; done; kill "$child" 2>/dev/null ) >/dev/null 2>&1 &
watcher=$!
wait "$child"
code=$?
kill "$watcher" 2>/dev/null
exit "$code"
`;

/** Where a server listens on the loopback interface. */
export interface ServerAddress {
  readonly port: number;
  readonly password: string;
}

export interface RedisServerOptions {
  /** Path of redis-server or valkey-server. */
  readonly executable: string;
  /** Folder of its data: with one, writes go to an append-only file there; else to memory alone. */
  readonly folder?: string;
  /** Where to listen, instead of a free port with a new password: to come back after a crash. */
  readonly address?: ServerAddress;
  /** More of its options, names without dashes. */
  readonly settings?: Readonly<Record<string, string>>;
}

export class RedisServer implements AsyncDisposable {
  readonly address: ServerAddress;
  /** Resolves when the process has ended, by itself or not. */
  readonly ended: Promise<void>;
  readonly #process: Deno.ChildProcess;

  private constructor(process: Deno.ChildProcess, output: Output, address: ServerAddress) {
    this.#process = process;
    this.address = address;
    this.ended = Promise.all([process.status, output.ended])
      // The lifeline goes with the process; closed already where we ended it.
      .then(() => process.stdin.close().catch(() => {}));
  }

  /**
   * Starts it and waits until it takes connections.
   *
   * @throws {Error} with what the server said, where it does not start
   */
  static async start(options: RedisServerOptions): Promise<RedisServer> {
    for (let attempt = 1;; attempt++) {
      const address = options.address ??
        { port: freePort(), password: crypto.randomUUID() };
      const file = await writeSettings(options, address);
      try {
        const process = spawnOnLifeline(options.executable, file);
        const output = new Output(process.stdout);
        if (await output.ready) {
          return new RedisServer(process, output, address);
        }
        await process.stdin.close();
        await process.status;
        // Somebody may have taken the port in between; any other fault will not pass.
        if (!/bind/i.test(output.lastLine) || attempt === PORT_ATTEMPTS_MAX) {
          throw new Error(`starting ${options.executable}: ${output.lastLine}`);
        }
      } finally {
        await Deno.remove(file);
      }
    }
  }

  /** Address for clients, with the password. */
  get url(): string {
    return `redis://:${this.address.password}@127.0.0.1:${this.address.port}`;
  }

  /** Ends it as SIGTERM does: what was written is on disk. */
  async [Symbol.asyncDispose](): Promise<void> {
    // Fails where the process is gone already, which is what is wanted.
    await this.#process.stdin.close().catch(() => {});
    await this.ended;
  }
}

const PORT_ATTEMPTS_MAX = 5;

/** A port of the loopback interface that nobody uses at this moment. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Writes the options into a file that only we can read: a command line shows the password to all. */
async function writeSettings(
  { folder, settings = {} }: RedisServerOptions,
  { port, password }: ServerAddress,
): Promise<string> {
  const all: Record<string, string> = {
    port: String(port),
    bind: "127.0.0.1",
    requirepass: password,
    save: '""',
    appendonly: folder === undefined ? "no" : "yes",
    // Without a folder of its own, no file may be taken for its data, whatever lies about.
    ...(folder === undefined
      ? { dbfilename: `${crypto.randomUUID()}.rdb` }
      : { dir: JSON.stringify(folder) }),
    ...settings,
  };
  const file = await Deno.makeTempFile({
    ...(folder !== undefined && { dir: folder }),
    suffix: ".conf",
  });
  const lines = Object.entries(all).map(([name, value]) => `${name} ${value}\n`);
  await Deno.writeTextFile(file, lines.join(""));
  return file;
}

/** Starts a command that ends when its standard input is closed, or its parent dies. */
export function spawnOnLifeline(executable: string, ...args: string[]): Deno.ChildProcess {
  return new Deno.Command("sh", {
    args: ["-c", LIFELINE, executable, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    // Ctrl-C is ours to handle: a Redis in our process group would stop before its clients do.
    detached: true,
  }).spawn();
}

/** What the server prints: read to the end, so that its pipe never fills. */
class Output {
  lastLine = "no output";
  /** Whether it said that it takes connections before its output ended. */
  readonly ready: Promise<boolean>;
  readonly ended: Promise<void>;

  constructor(stdout: ReadableStream<Uint8Array<ArrayBuffer>>) {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.ready = promise;
    this.ended = this.#follow(stdout, resolve);
  }

  async #follow(
    stdout: ReadableStream<Uint8Array<ArrayBuffer>>,
    resolve: (ready: boolean) => void,
  ): Promise<void> {
    for await (const line of linesOf(stdout)) {
      if (line.trim() === "") continue;
      this.lastLine = line.trim();
      if (/ready to accept connections/i.test(line)) resolve(true);
    }
    resolve(false);
  }
}
