/**
 * The fuzzer: a Weir of real processes, damaged images and odd requests from a seed; each answer
 * is held against what the gateway's own document promises.
 *
 * Owns the order: start, send, wait until nothing is left, drain, judge. All of it stays on the
 * loopback interface. Invariant: nothing that it started outlives it.
 *
 * @module
 */
import { join } from "node:path";
import { withoutSettings } from "../../shared/config.ts";
import { TemporaryFolder } from "../../shared/temporary_folder.ts";
import { terminalBar } from "../../shared/terminal_bar.ts";
import { Fleet } from "../fleet.ts";
import { History } from "../history.ts";
import type { HarnessParts } from "../mod.ts";
import { untilEmpty } from "../quiet.ts";
import { isEmpty } from "../redis_state.ts";
import { unlessAborted } from "../unless_aborted.ts";
import { type Case, makeCase, type Material } from "./cases.ts";
import { readContract } from "./contract.ts";
import { type Finding, judge } from "./oracle.ts";
import { makeSeeds } from "./seeds.ts";
import { faultsOf, lastLine, type Run, tablesOf } from "./summary.ts";
import { Tally } from "./tally.ts";
import { exchange, type Reply } from "./wire.ts";

export interface FuzzOptions {
  readonly seed: number;
  readonly cases: number;
  /** The only case to send. */
  readonly only?: number;
  /** Cases under way at a time. */
  readonly atOnce: number;
  readonly workers: number;
}

/** Settings under which a job that gets lost shows soon. */
const SETTINGS = {
  WEIR_PORT: "0",
  WEIR_CLAIM_IDLE_MS: "5000",
  WEIR_MAINTENANCE_MS: "2000",
};

/** Longer than a job's deadline and the bound on a slow body. */
const ANSWER_MAX_MS = 60_000;

/**
 * Runs it, and tells what came out; the last line is the summary.
 *
 * @returns the exit code: 1 where a promise is broken, too few images reached a decoder, or it was
 * ended by the signal
 */
export async function runFuzz(
  options: FuzzOptions,
  parts: HarnessParts,
  signal: AbortSignal,
): Promise<number> {
  try {
    return await runToEnd(options, parts, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    parts.say("fuzz interrupted, so nothing is proven");
    return 1;
  }
}

async function runToEnd(
  options: FuzzOptions,
  parts: HarnessParts,
  signal: AbortSignal,
): Promise<number> {
  const { say } = parts;
  const { seed, cases, only } = options;
  say(only === undefined ? `seed ${seed}: ${cases} cases` : `seed ${seed}: case ${only} alone`);
  await using folder = await TemporaryFolder.make("weir-fuzz-");
  const run = await new Fuzzer(options, parts, folder.path).run(signal);
  say(tablesOf(run));
  const faults = faultsOf(run);
  for (const fault of faults) say(fault);
  if (faults.length > 0) {
    folder.keep();
    say(`requests that were answered wrong, and what the processes printed: ${folder.path}`);
    say(`one of them again: deno task fuzz --seed ${seed} --only NUMBER`);
  }
  say(lastLine(run));
  return faults.length > 0 ? 1 : 0;
}

class Fuzzer {
  readonly #options: FuzzOptions;
  readonly #parts: HarnessParts;
  readonly #folder: string;
  readonly #history: History;
  readonly #tally = new Tally();

  constructor(options: FuzzOptions, parts: HarnessParts, folder: string) {
    this.#options = options;
    this.#parts = parts;
    this.#folder = folder;
    this.#history = new History(parts.clock);
  }

  async run(signal: AbortSignal): Promise<Run> {
    const { seed, cases, only } = this.#options;
    await using fleet = await this.#start();
    await unlessAborted(fleet.ready(), signal);
    const url = new URL(fleet.gateways[0]!.process.identity!);
    const material = await this.#prepare(url);
    const began = this.#history.atMs;
    await unlessAborted(this.#sendAll(url, material), signal);
    const seconds = (this.#history.atMs - began) / 1000;
    await unlessAborted(this.#judgeRemains(fleet), signal);
    for (const [process, code] of await unlessAborted(fleet.drain(), signal)) {
      this.#tally.violate({ detail: `${process} ended with ${code} when asked to drain` });
    }
    for (const event of this.#history.events) {
      if (event.kind !== "died") continue;
      this.#tally.violate({ detail: `${event.process} ended by itself: ${event.status}` });
    }
    return { seed, cases: only === undefined ? cases : 1, seconds, ...this.#tally };
  }

  #start(): Promise<Fleet> {
    return Fleet.start({
      ...this.#parts,
      workers: this.#options.workers,
      gateways: 1,
      env: { ...withoutSettings(this.#parts.env), ...SETTINGS },
      folder: this.#folder,
      history: this.#history,
    });
  }

  /** Reads the document, and has one sound image classified, whose job cases can ask about. */
  async #prepare(url: URL): Promise<Material> {
    const contract = readContract(await (await fetch(new URL("/openapi.json", url))).json());
    const seeds = await makeSeeds();
    const response = await fetch(new URL("/v1/jobs", url), {
      method: "POST",
      body: seeds[0].bytes,
      headers: { prefer: "wait=30" },
    });
    const { id: job, model, state } = await response.json();
    if (state !== "succeeded") throw new Error(`send a sound image: its job is ${state}`);
    return { contract, seeds, job, model, host: url.host };
  }

  async #sendAll(url: URL, material: Material): Promise<void> {
    const { seed, cases, only, atOnce } = this.#options;
    using bar = this.#bar();
    const numbers = only === undefined ? [] : [only];
    let next = 0;
    const client = async () => {
      for (;;) {
        const number = only === undefined ? next++ : numbers.pop();
        if (number === undefined || (only === undefined && number >= cases)) return;
        await this.#send(url, number, makeCase(seed, number, material), material);
        bar.update();
      }
    };
    await Promise.all(Array.from({ length: atOnce }, client));
  }

  async #send(url: URL, number: number, sent: Case, material: Material): Promise<void> {
    const { request, halfClosed } = sent;
    const reply = await exchange({
      hostname: url.hostname,
      port: Number(url.port),
      request,
      halfClosed,
      boundMs: ANSWER_MAX_MS,
      clock: this.#parts.clock,
    });
    const finding = judge(sent, reply, material.contract);
    this.#tally.count(sent, finding);
    if (this.#options.only !== undefined) this.#tell(sent, reply, finding);
    if (finding.violation === undefined) return;
    this.#tally.violate({ number, detail: `${sent.kind}: ${finding.violation}` });
    await Deno.writeFile(join(this.#folder, `case-${number}.http`), request);
  }

  /** Prints a case and its reply. */
  #tell({ kind, request }: Case, reply: Reply, { answer }: Finding): void {
    const { say } = this.#parts;
    const text = new TextDecoder("latin1");
    const [head] = text.decode(request).split("\r\n\r\n");
    say(`${kind}, ${request.length} bytes\n${head}\n`);
    say(reply.kind === "response" ? `${answer}\n${text.decode(reply.body)}\n` : `${answer}\n`);
  }

  /** What is still in Redis though nobody waits any more. */
  async #judgeRemains({ redis: { client } }: Fleet): Promise<void> {
    const remains = await untilEmpty(client, this.#parts.clock);
    if (!isEmpty(remains)) this.#tally.violate({ detail: `left over: ${Deno.inspect(remains)}` });
    const { deadLetters } = remains;
    if (deadLetters > 0) this.#tally.violate({ detail: `${deadLetters} jobs were given up` });
  }

  #bar(): Disposable & { readonly update: () => void } {
    const { cases, only } = this.#options;
    const bar = terminalBar(
      this.#parts.terminal,
      "{bar} {value} of {total} cases, {violations} answered wrong, {eta_formatted} left",
    );
    bar.start(only === undefined ? cases : 1, 0, { violations: 0 });
    return {
      update: () => bar.increment(1, { violations: this.#tally.violations.length }),
      [Symbol.dispose]: () => bar.stop(),
    };
  }
}
