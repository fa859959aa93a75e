/**
 * The bare loop as a process of its own: photos decoded and run through a model, nothing besides.
 *
 * Built of the worker's own decoder and models, with the next batch decoded beside the one that
 * runs: what it lacks is the queue, the gateway and HTTP. Reads what to do as lines of JSON from
 * standard input, and prints what came of each.
 *
 * @module
 */
// deno-lint-ignore-file no-console -- lines of JSON are its answers
import process from "node:process";
import { systemClock } from "../../shared/clock.ts";
import { linesOf } from "../../shared/lines.ts";
import type { EngineName } from "../../worker/engines/engine.ts";
import { Decoder } from "../../worker/images/decoder.ts";
import { ModelOpener } from "../../worker/model_opener.ts";
import { ModelThread } from "../../worker/model_thread.ts";
import { openRepository } from "../../worker/models/repository.ts";
import type { BatchImage } from "../../worker/served_model.ts";
import type { BareRun, BareTask } from "./bare_loop.ts";

const PIXELS_MAX = 50_000_000;
const never = new AbortController().signal;

const [engine, repository, file] = Deno.args as [EngineName, string, string];
const photo = await Deno.readFile(file);
const files = (await openRepository(repository)).find(({ config }) => config.default)!;
const thread = new ModelThread(repository);
const opener = new ModelOpener({ wanted: engine, thread, clock: systemClock });
const { model } = await opener.open(files, never);
const decoder = new Decoder({ threads: navigator.hardwareConcurrency, pixelsMax: PIXELS_MAX });

async function decodeOne(): Promise<BatchImage> {
  const decoded = await decoder.decode(photo, files.config.input);
  if (!decoded.ok) throw new Error(`${decoded.code}: ${decoded.detail}`);
  return { pixels: decoded.pixels, top: undefined };
}

function decode(images: number): Promise<BatchImage[]> {
  return Promise.all(Array.from({ length: images }, decodeOne));
}

/** Decodes and runs batches for a time, after one that does not count. */
async function run({ images, seconds, ahead }: BareTask): Promise<BareRun> {
  await model.answer(await decode(images), never);
  const [batchMs, modelMs]: [number[], number[]] = [[], []];
  const cpu = process.cpuUsage();
  const began = systemClock.now();
  let next = ahead ? decode(images) : undefined;
  let now = began;
  while (now - began < 1000 * seconds) {
    const batch = await (next ?? decode(images));
    if (ahead) next = decode(images);
    const decoded = systemClock.now();
    await model.answer(batch, never);
    modelMs.push(systemClock.now() - decoded);
    batchMs.push(systemClock.now() - now);
    now = systemClock.now();
  }
  const { user, system } = process.cpuUsage(cpu);
  await next;
  return {
    images: images * batchMs.length,
    ms: now - began,
    batchMs,
    modelMs,
    cpuMs: (user + system) / 1000,
  };
}

console.log(`bare loop ready engine=${model.card.engine}`);
for await (const line of linesOf(Deno.stdin.readable)) {
  if (line !== "") console.log(JSON.stringify(await run(JSON.parse(line))));
}
Deno.exit(0);
