/**
 * Many requests at the same moment, each answer checked: of a Weir of our own, or of one that runs
 * already.
 *
 * @module
 */
import { BenchError } from "../load.ts";
import { BenchRedis } from "../redis.ts";
import { isRight, MODEL, type SamplePhoto, samplePhotos } from "../sample_photos.ts";
import type { Plot, Scenario, Stage, Target } from "../scenario.ts";
import { startWeir } from "../system.ts";
import { allRight, plotsOf, tablesOf, type Told } from "../tally.ts";

const REQUESTS = 500;
const QUICK_REQUESTS = 100;
/** Time for an answer, the queue included: even WebAssembly does them all in less. */
const TIMEOUT_MS = 120_000;

export const stress: Scenario = async (stage) => {
  await using owned = new AsyncDisposableStack();
  const batches: number[] = [];
  const target = stage.target ?? await startOwn(stage, owned, batches);
  const photos = await samplePhotos(stage.root);
  await warmUp(stage, target, photos[0]!);
  const count = stage.quick ? QUICK_REQUESTS : REQUESTS;
  const began = stage.clock.now();
  let done = 0;
  const told = await Promise.all(Array.from({ length: count }, async (_, i) => {
    const photo = photos[i % photos.length]!;
    const told = await ask(stage, target, photo);
    stage.progress(++done / count, `${done} of ${count} requests`);
    return told;
  }));
  const seconds = (stage.clock.now() - began) / 1000;
  return {
    method: `${count} requests at the same moment, each with one of ${photos.length} sample ` +
      `photos, whose answers are known; ` +
      (stage.target === undefined
        ? "one gateway, one worker, Redis with AOF, everysec."
        : `of the system at ${stage.target.url}.`),
    tables: tablesOf(told, seconds),
    plots: [...plotsOf(told), ...(stage.target === undefined ? [batchesPlot(batches)] : [])],
    figures: [allRight(`${count} requests at the same moment`, told)],
  };
};

/** Starts a Weir, which tells the images of each batch. */
async function startOwn(
  stage: Stage,
  owned: AsyncDisposableStack,
  batches: number[],
): Promise<Target> {
  const redis = owned.use(await BenchRedis.start(stage.redisServer, "everysec"));
  const onLine = (line: string) => {
    const images = / batch done .*images=(\d+)/.exec(line)?.[1];
    if (images !== undefined) batches.push(Number(images));
  };
  const env = { WEIR_LOG_LEVEL: "debug" };
  const { urls } = owned.use(await startWeir(stage, redis, { env, onLine }));
  return { url: urls[0]!, key: undefined };
}

function batchesPlot(batches: readonly number[]): Plot {
  const counts = [...Map.groupBy(batches, (images) => images)]
    .map(([images, { length }]) => [images, length] as const)
    .sort(([a], [b]) => a - b);
  return {
    title: "How large batches were",
    x: "images of a batch",
    y: "batches",
    kind: "bars",
    series: [{ name: "weir", points: counts }],
  };
}

/** Sees that the system answers at all before it is put under load. */
async function warmUp(stage: Stage, target: Target, photo: SamplePhoto): Promise<void> {
  const { fault } = await ask(stage, target, photo);
  if (fault === undefined) return;
  throw new BenchError(
    `stress "${target.url}": a first photo of the model "${MODEL}" failed: ${fault}`,
  );
}

/** Has a photo classified, and checks the answer. */
async function ask(
  { clock, signal }: Stage,
  { url, key }: Target,
  photo: SamplePhoto,
): Promise<Told> {
  const began = clock.now();
  const answer = await fetch(`${url}/predict?model=${MODEL}`, {
    method: "POST",
    body: photo.bytes,
    headers: {
      "x-request-timeout-ms": String(TIMEOUT_MS),
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
    },
    signal: AbortSignal.any([signal, AbortSignal.timeout(2 * TIMEOUT_MS)]),
  }).then((response) => response.json()).catch(() => ({ code: "no answer" }));
  signal.throwIfAborted();
  const told = { ms: clock.now() - began };
  if (isRight(answer.predictions, photo)) return told;
  return { ...told, fault: answer.code ?? "wrong answer" };
}
