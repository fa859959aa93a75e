/**
 * The fault harness: a Weir of real processes, clients, and faults from a seed; then the judgement.
 *
 * Owns the order: start, load with faults, quiet, drain, judge. All of it stays on the loopback
 * interface. Invariant: nothing that it started outlives it.
 *
 * @module
 */
import { Random } from "../fixtures/training/random.ts";
import type { Clock } from "../shared/clock.ts";
import { withoutSettings } from "../shared/config.ts";
import { TemporaryFolder } from "../shared/temporary_folder.ts";
import { terminalBar } from "../shared/terminal_bar.ts";
import { check } from "./checker.ts";
import { Customer, MANNERS } from "./customer.ts";
import { Fleet } from "./fleet.ts";
import { History, type Listener } from "./history.ts";
import { Pace } from "./pace.ts";
import { FOR_MS_MEAN, planFaults } from "./plan.ts";
import { untilEmpty } from "./quiet.ts";
import { readRedisState } from "./redis_state.ts";
import { FAULTS_AT_ONCE, Strikes } from "./strikes.ts";
import { faultsOf, lastLine, type Run, tablesOf } from "./summary.ts";
import { unlessAborted } from "./unless_aborted.ts";

export interface FaultsOptions {
  readonly seed: number;
  /** Photos that clients want classified. */
  readonly jobs: number;
  /** Strikes. */
  readonly faults: number;
  readonly workers: number;
  readonly gateways: number;
  /** File that takes the history, as lines of JSON. */
  readonly history: string | undefined;
}

/** What a harness is given to work with. */
export interface HarnessParts {
  /** Program and arguments that run a role, with the permissions of its task. */
  readonly roleCommand: (role: "gateway" | "worker") => readonly [string, ...string[]];
  /** Environment of the processes, before the settings that are made here. */
  readonly env: Readonly<Record<string, string>>;
  /** The checkout. */
  readonly root: string;
  /** Path of redis-server. */
  readonly redisServer: string;
  readonly clock: Clock;
  /** Prints a line. */
  readonly say: (line: string) => void;
  /** Where the progress bar is drawn. */
  readonly terminal: NodeJS.WritableStream;
}

/** Images in a batch: a worker holds two batches, more than a fault wants to meet. */
const BATCH_MAX = 6;
const TIMEOUT_MS = 60_000;

/** Settings under which faults show soon; a kill alone never makes a dead letter. */
const SETTINGS = {
  WEIR_PORT: "0",
  WEIR_ENGINE: "null",
  WEIR_BATCH_MAX: String(BATCH_MAX),
  WEIR_TIMEOUT_MS: String(TIMEOUT_MS),
  WEIR_ATTEMPTS_MAX: "50",
  WEIR_CLAIM_IDLE_MS: "1500",
  WEIR_BLOCK_MS: "1000",
  WEIR_REDIS_TIMEOUT_MS: "1000",
  WEIR_REDIS_HEALTH_MS: "1000",
  WEIR_MAINTENANCE_MS: "1000",
};

/** Bounds of the time that a job takes; within them, the jobs last as long as the faults. */
const JOB_MS_MIN = 5;
const JOB_MS_MAX = 400;

/** Jobs under way, for each that the workers can hold. */
const CROWDING = 1.25;

/** Time between two lines of the bar where there is no terminal. */
const PLAIN_LINE_MS = 3000;

/**
 * Runs it, and tells what came out; the last line is the summary.
 *
 * @returns the exit code: 1 where a guarantee is broken, the run proves too little, or it was
 * ended by the signal
 */
export async function runFaults(
  options: FaultsOptions,
  parts: HarnessParts,
  signal: AbortSignal,
): Promise<number> {
  const { say } = parts;
  try {
    return await runToEnd(options, parts, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    say("faults interrupted, so nothing is proven");
    return 1;
  }
}

async function runToEnd(
  options: FaultsOptions,
  parts: HarnessParts,
  signal: AbortSignal,
): Promise<number> {
  const { say } = parts;
  say(`seed ${options.seed}: ${options.jobs} jobs, ${options.faults} faults`);
  await using folder = await TemporaryFolder.make("weir-faults-");
  const run = await new Harness(options, parts, folder.path).run(signal);
  say(tablesOf(run));
  for (const warning of run.verdict.warnings) say(`warning: ${warning}`);
  const faults = faultsOf(run);
  for (const fault of faults) say(fault);
  if (faults.length > 0) {
    folder.keep();
    say(`what the processes printed, and Redis' data: ${folder.path}`);
  }
  say(lastLine(run));
  return faults.length > 0 ? 1 : 0;
}

class Harness {
  readonly #options: FaultsOptions;
  readonly #parts: HarnessParts;
  readonly #folder: string;
  readonly #history: History;
  readonly #pace: Pace;

  constructor(options: FaultsOptions, parts: HarnessParts, folder: string) {
    this.#options = options;
    this.#parts = parts;
    this.#folder = folder;
    this.#history = new History(parts.clock);
    this.#pace = new Pace(options.jobs);
  }

  async run(signal: AbortSignal): Promise<Run> {
    const { seed, jobs, history: file } = this.#options;
    await using fleet = await this.#start();
    await unlessAborted(fleet.ready(), signal);
    await unlessAborted(this.#load(fleet, signal), signal);
    const { client } = fleet.redis;
    await unlessAborted(untilEmpty(client, this.#parts.clock), signal);
    const state = await unlessAborted(readRedisState(client), signal);
    const { events: history } = this.#history;
    const seconds = this.#history.atMs / 1000;
    for (const [process, code] of await unlessAborted(fleet.drain(), signal)) {
      this.#history.add({ kind: "died", process, status: `code ${code} when asked to drain` });
    }
    if (file !== undefined) await Deno.writeTextFile(file, this.#history.text());
    const repliesLost = fleet.members.reduce((sum, { proxy }) => sum + proxy.repliesLost, 0);
    const verdict = check(history, state, this.#history.beganAt);
    return { seed, jobs, seconds, history, records: state.records, repliesLost, verdict };
  }

  #start(): Promise<Fleet> {
    const { workers, gateways, jobs, faults } = this.#options;
    const faultsMs = faults * FOR_MS_MEAN / FAULTS_AT_ONCE;
    const jobMs = Math.min(JOB_MS_MAX, Math.max(JOB_MS_MIN, workers * faultsMs / jobs));
    return Fleet.start({
      ...this.#parts,
      workers,
      gateways,
      env: {
        ...withoutSettings(this.#parts.env),
        ...SETTINGS,
        WEIR_NULL_DELAY_MS: String(Math.round(jobMs)),
      },
      folder: this.#folder,
      history: this.#history,
    });
  }

  /** Clients and faults, until both are through. */
  async #load(fleet: Fleet, signal: AbortSignal): Promise<void> {
    const { seed, jobs, faults, workers } = this.#options;
    const concurrency = Math.min(jobs, Math.ceil(CROWDING * workers * 2 * BATCH_MAX));
    const strikes = new Strikes({
      fleet,
      pace: this.#pace,
      plan: planFaults({ seed, faults, lastAt: jobs - concurrency }),
      concurrency,
      history: this.#history,
      clock: this.#parts.clock,
    });
    const customer = this.#customer(fleet);
    const manners = new Random(seed, 1);
    using bar = this.#bar(strikes);
    const client = async () => {
      for (let number; (number = await this.#pace.next()) !== undefined;) {
        await customer.serve(number, manners.pick(MANNERS));
        this.#pace.end();
        bar.update();
      }
    };
    await Promise.all([strikes.run(signal), ...Array.from({ length: concurrency }, client)]);
    await fleet.ready();
    await this.#readAgain(customer, concurrency);
  }

  #customer(fleet: Fleet): Customer {
    const random = new Random(this.#options.seed, 2);
    return new Customer({
      gateways: () => fleet.gateways.flatMap(({ process }) => process.identity ?? []),
      random: () => random.next(),
      timeoutMs: TIMEOUT_MS,
      history: this.#history,
      clock: this.#parts.clock,
    });
  }

  /** Has every accepted job's outcome told once more: it must not have changed. */
  async #readAgain(customer: Customer, concurrency: number): Promise<void> {
    const listeners = new Map<string, Listener>();
    for (const event of this.#history.events) {
      if (event.kind === "accepted") listeners.set(event.job, event);
    }
    const waiting = [...listeners];
    const client = async () => {
      for (let next; (next = waiting.pop()) !== undefined;) {
        const [job, { submission, keyed }] = next;
        await customer.readAgain({ submission, keyed }, job);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, client));
  }

  #bar(strikes: Strikes): Disposable & { readonly update: () => void } {
    const { jobs, faults } = this.#options;
    const bar = terminalBar(
      this.#parts.terminal,
      "{bar} {value} of {total} jobs ended, {struck} of {faults} faults struck",
      { plainLineMs: PLAIN_LINE_MS },
    );
    bar.start(jobs, 0, { struck: 0, faults });
    return {
      update: () => bar.update(this.#pace.ended, { struck: strikes.struck }),
      [Symbol.dispose]: () => bar.stop(),
    };
  }
}
