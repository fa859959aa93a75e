/**
 * Jobs in a worker's hands, and a model that sees the number which a picture is made of.
 *
 * @module
 */
import type { Delivery } from "../../shared/broker.ts";
import { newJobId } from "../../shared/job.ts";
import { ManualClock } from "../../shared/testing/manual_clock.ts";
import { Tracing } from "../../shared/tracing.ts";
import type { Engine, Model } from "../engines/engine.ts";
import { ModelConfigSchema } from "../models/config.ts";
import { ModelTable } from "../model_table.ts";
import { PreparedJob } from "../prepared.ts";
import { type Served, ServedModel } from "../served_model.ts";
import { Stages } from "../stages.ts";

export const MODEL = "numbers";
export const LABELS = ["zero", "one", "two", "three"];

/** The number on which the model fails. */
export const BAD = 13;

let entries = 0;

/** A delivery of one image with a number each. */
export function testDelivery(
  numbers: readonly number[] = [0],
  overrides: Partial<Delivery> = {},
): Delivery {
  return {
    id: newJobId(0, () => crypto.randomUUID()),
    shard: 0,
    model: MODEL,
    lane: 0,
    entry: `${++entries}-0`,
    images: numbers.map((number) => Uint8Array.of(number)),
    bytes: numbers.length,
    ...overrides,
  };
}

/** The stages of a delivery's attempt, which Redis took 2 ms to begin. */
export function testStages(clock: ManualClock, delivery = testDelivery()): Stages {
  const spans = new Tracing(clock).process(delivery, 1, 0);
  return new Stages({ spans, version: "2", beginMs: 2, clock });
}

/** The same, decoded in 4 ms: one pixel an image, its samples the number. */
export function testJob(
  numbers?: readonly number[],
  { served = NUMBERS.served, attempt = 1, done = 0, ...overrides }: Partial<Delivery> & {
    served?: ServedModel;
    attempt?: number;
    done?: number;
  } = {},
): PreparedJob {
  const delivery = testDelivery(numbers, overrides);
  const pixels = delivery.images.slice(done).map(pixelsOf);
  const clock = new ManualClock();
  const stages = testStages(clock, delivery);
  clock.advance(4);
  stages.enter("wait");
  const begun = { delivery, model: served, attempt, tell: "g1", done, stages };
  return new PreparedJob(begun, pixels);
}

/** "Decodes" an image of {@linkcode testDelivery}. */
export function pixelsOf(image: Uint8Array): Uint8Array {
  return new Uint8Array(3).fill(image[0]!);
}

export interface TestModel {
  readonly served: ServedModel;
  /** Sizes of the batches that the network was given. */
  readonly batches: number[];
  /** Whether it has been unloaded. */
  unloaded: boolean;
}

/** A model that gives the class with the picture's number 0.75, the first other one 0.25. */
export function testModel(
  { name = MODEL, version = "2" }: { name?: string; version?: string } = {},
): TestModel {
  const batches: number[] = [];
  const network: Model = {
    outputShape: [LABELS.length],
    layout: "interleaved",
    predict: (batch, size, signal) => {
      batches.push(size);
      signal.throwIfAborted();
      const numbers = Array.from({ length: size }, (_, i) => batch[3 * i]!);
      if (numbers.includes(BAD)) return Promise.reject(new Error("no such number"));
      return Promise.resolve(Float32Array.from(numbers.flatMap(scoresOf)));
    },
    dispose: () => model.unloaded = true,
  };
  const engine: Engine = {
    name: "wasm",
    description: "a stand-in",
    load: () => Promise.resolve(network),
    tensors: () => undefined,
  };
  const files = {
    name,
    version,
    format: "layers",
    folder: "",
    entry: "",
    config: ModelConfigSchema.parse({
      default: true,
      input: { width: 1, height: 1, scale: "0to255" },
      output: { top: 1 },
    }),
    labels: LABELS,
  } as const;
  const served = new ServedModel(files, network, engine);
  const model: TestModel = { served, batches, unloaded: false };
  return model;
}

/** A table of one model in one version. */
export function tableOf(main: Served): ModelTable {
  const table = new ModelTable();
  table.set(main.files.name, { main });
  return table;
}

/** The model of jobs that name no other. */
export const NUMBERS = testModel();

function scoresOf(number: number): number[] {
  const other = number === 0 ? 1 : 0;
  return LABELS.map((_, i) => i === number ? 0.75 : i === other ? 0.25 : 0);
}
