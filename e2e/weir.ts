/**
 * A whole Weir for one test: a real Redis, gateways and workers as processes of their own, with
 * the permissions that their tasks give them.
 *
 * Owns the processes and the Redis. Never looks inside a role: what it knows of one is what it
 * prints. Invariant: after disposing there is no process, however the test went.
 *
 * @module
 */
import assert from "node:assert/strict";
import project from "../deno.json" with { type: "json" };
import { Proxy } from "../faults/proxy.ts";
import { systemClock } from "../shared/clock.ts";
import { GROUP, ShardKeys } from "../shared/redis/keys.ts";
import { connectionsNamed, loadOf, type TestRedis, testRedis } from "../shared/testing/redis.ts";
import { colourModels } from "./pictures.ts";
import { Program } from "./program.ts";
import { until } from "./waiting.ts";

/** What a gateway asks at most to note how jobs fare: of one worker, gateway and model. */
export const NOTE_COMMANDS = 16;

/** Keys of the only shard. */
export const KEYS = new ShardKeys(0);

export interface WeirOptions {
  /** Number of gateways, 1 unless given. */
  readonly gateways?: number;
  /** Number of workers, 1 unless given. */
  readonly workers?: number;
  /** Settings of all roles, beyond what lets them find each other. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether all roles reach Redis through `proxy`. */
  readonly proxied?: boolean;
  /** What Redis is started with. */
  readonly redis?: Parameters<typeof testRedis>[0];
}

/** What is run with the permissions of a role's task. */
export interface RoleProgram {
  /** Another one than the real one. */
  readonly program?: string;
  readonly flags?: readonly string[];
}

/** A role's process. */
export class Role extends Program {
  /** Whether it was killed, so that nothing can be asked of its end. */
  killed = false;

  constructor(
    name: string,
    role: "gateway" | "worker",
    env: Readonly<Record<string, string>>,
    { program = "main.ts", flags = [] }: RoleProgram = {},
  ) {
    const [, ...args] = project.tasks[role].command.replace("main.ts", program).split(" ");
    super(name, [...args, "--lifeline", ...flags], env);
  }

  override kill(signal: Deno.Signal): void {
    if (signal === "SIGKILL") this.killed = true;
    super.kill(signal);
  }
}

export class Weir implements AsyncDisposable {
  readonly redis: TestRedis;
  /** The network between the roles and Redis, for those that are `proxied`. */
  readonly proxy: Proxy;
  readonly gateways: Role[] = [];
  readonly workers: Role[] = [];
  /** Base address of each gateway. */
  readonly urls: string[] = [];
  readonly #env: Readonly<Record<string, string>>;
  readonly #owned: AsyncDisposableStack;

  private constructor(
    redis: TestRedis,
    proxy: Proxy,
    env: Readonly<Record<string, string>>,
    owned: AsyncDisposableStack,
  ) {
    this.redis = redis;
    this.proxy = proxy;
    this.#env = env;
    this.#owned = owned;
  }

  /** Starts Redis alone. */
  static async open({ redis: options, proxied = false, env }: WeirOptions): Promise<Weir> {
    await using owned = new AsyncDisposableStack();
    const models = owned.use(await colourModels());
    const redis = owned.use(await testRedis(options));
    // The smallest model that there is, on the engine that is everywhere.
    const defaults = { WEIR_PORT: "0", WEIR_ENGINE: "wasm", WEIR_MODELS: models.path };
    const { address } = redis.server;
    const proxy = owned.use(new Proxy({ upstreamPort: address.port, clock: systemClock }));
    const { port } = proxied ? proxy : address;
    const url = `redis://:${address.password}@127.0.0.1:${port}`;
    return new Weir(redis, proxy, { ...defaults, REDIS_URL: url, ...env }, owned.move());
  }

  /** Base address of the first gateway. */
  get url(): string {
    return this.urls[0]!;
  }

  /** Starts a gateway and waits until it listens. */
  async startGateway(env: Readonly<Record<string, string>> = {}): Promise<Role> {
    const name = `gateway${this.gateways.length + 1}`;
    const role = new Role(name, "gateway", { ...this.#env, WEIR_NAME: name, ...env });
    const number = this.gateways.push(role) - 1;
    const line = await role.line(/gateway ready/);
    this.urls[number] = /http:[^\s"]+/.exec(line)![0];
    return role;
  }

  /** Starts a worker and waits until it takes jobs. */
  async startWorker(
    env: Readonly<Record<string, string>> = {},
    run: RoleProgram = {},
  ): Promise<Role> {
    const name = `worker${this.workers.length + 1}`;
    const role = new Role(name, "worker", { ...this.#env, WEIR_NAME: name, ...env }, run);
    this.workers.push(role);
    await role.line(/worker ready/);
    return role;
  }

  /** Ends a worker as an operator does, so that for a while there is none. */
  async stopWorker(worker: Role): Promise<void> {
    worker.kill("SIGTERM");
    assert.equal(await worker.code(), 0);
  }

  /** Waits until so many jobs of a model are admitted and not done. */
  async untilAdmitted(jobs: number, model = "colour"): Promise<void> {
    await until(`${jobs} jobs of ${model} admitted`, async () => {
      return Number(await this.redis.client.hget(KEYS.load(model), "jobs")) === jobs;
    });
  }

  /** What the roles' connections are for, in order: `gateway1 commands`, … */
  async connections(): Promise<string[]> {
    const connections = await connectionsNamed(this.redis.client, /^weir:/);
    return connections
      .map(({ name }) => name!.replace(/^weir:\w+:(\w+)-\w+:/, "$1 "))
      .sort();
  }

  /** Waits until every role has the connections that it needs, and no other. */
  async untilConnected(): Promise<void> {
    const wanted = [
      ...this.gateways.flatMap(({ name }) => [`${name} commands`, `${name} results`]),
      ...this.workers.flatMap(({ name }) => [`${name} commands`, `${name} jobs`]),
    ].sort();
    await until(`connections are ${wanted.join(", ")}`, async () => {
      // A heartbeat connects with its first beat.
      const made = (await this.connections()).filter((name) => !name.includes("heartbeat"));
      return made.join() === wanted.join();
    });
  }

  /** Asserts that no job is on its way and nothing is left of any but records. */
  async assertEmpty(model = "colour"): Promise<void> {
    const { client } = this.redis;
    for (const stream of KEYS.lanes(model)) {
      assert.equal(await client.xlen(stream), 0, `entries in ${stream}`);
      const [pending] = await client.xpending(stream, GROUP) as [number];
      assert.equal(pending, 0, `pending entries of ${stream}`);
    }
    assert.equal(await client.zcard(KEYS.deadlines()), 0, "deadlines");
    assert.deepEqual(await loadOf(client, KEYS.load(model)), { jobs: 0, bytes: 0, images: 0 });
  }

  /** Everything that was printed, for whoever looks into a failure. */
  log(): string {
    return [...this.gateways, ...this.workers]
      .map(({ name, lines }) => [`--- ${name}`, ...lines].join("\n")).join("\n");
  }

  /** Asks every role to drain, senders before receivers; each must end with exit code 0. */
  async drain(): Promise<void> {
    for (const roles of [this.gateways, this.workers]) {
      for (const role of roles) role.kill("SIGTERM");
      for (const role of roles.filter(({ killed }) => !killed)) {
        assert.equal(await role.code(), 0, `exit code of ${role.name}`);
      }
    }
  }

  /** Ends what still runs at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const role of [...this.gateways, ...this.workers]) await role[Symbol.asyncDispose]();
    await this.#owned.disposeAsync();
  }
}

/** Starts what is asked for; disposing of it ends all at once. */
export async function startWeir(options: WeirOptions = {}): Promise<Weir> {
  const { gateways = 1, workers = 1 } = options;
  const weir = await Weir.open(options);
  try {
    await Promise.all([
      ...Array.from({ length: gateways }, () => weir.startGateway()),
      ...Array.from({ length: workers }, () => weir.startWorker()),
    ]);
    return weir;
  } catch (error) {
    printLog(weir);
    await weir[Symbol.asyncDispose]();
    throw error;
  }
}

function printLog(weir: Weir): void {
  Deno.stderr.writeSync(new TextEncoder().encode(weir.log() + "\n"));
}

/** Runs a test's body; where it fails, prints what the processes printed. */
export async function printingLog(weir: Weir, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    printLog(weir);
    throw error;
  }
}

/** Base address of what a worker tells of itself, where it has `WEIR_METRICS_PORT`. */
export async function statusUrl(worker: Role): Promise<string> {
  return /http:[^\s"]+/.exec(await worker.line(/status served/))![0];
}

/** Stops the only worker while something is done. */
export async function pausing<T>({ workers: [worker] }: Weir, body: () => Promise<T>): Promise<T> {
  worker!.kill("SIGSTOP");
  try {
    return await body();
  } finally {
    worker!.kill("SIGCONT");
  }
}

/** A part of a test, named by a sentence that goes on from the test's; the first to fail is the last. */
export type Step = (name: string, body: () => Promise<void>) => Promise<void>;

/** The steps of a test. */
export function stepsOf(t: Deno.TestContext): Step {
  return async (name, body) => {
    if (!await t.step(name, body)) throw new Error(`step failed: ${name}`);
  };
}

/**
 * A test on a Weir of its own, which must drain well at the end; where the test fails, it prints
 * what the processes printed.
 */
export function testWeir(
  name: string,
  options: WeirOptions & { readonly ignore?: boolean },
  body: (weir: Weir, step: Step) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: options.ignore ?? false,
    fn: async (t) => {
      await using weir = await startWeir(options);
      await printingLog(weir, async () => {
        await body(weir, stepsOf(t));
        await weir.drain();
      });
    },
  });
}
