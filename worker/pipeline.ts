/**
 * A worker's loops, joined: deliveries in, outcomes out.
 *
 * Owns how consumer, batcher, runner, settler, recoverer and heartbeat are wired, and the order
 * in which they end. Invariant: when it returns, the worker's hands are empty, unless the broker
 * is away.
 *
 * @module
 */
import type { Delivery, JobSource } from "../shared/broker.ts";
import type { Clock } from "../shared/clock.ts";
import type { Config } from "../shared/config.ts";
import { farewell } from "../shared/farewell.ts";
import type { Log } from "../shared/log.ts";
import { loop } from "../shared/loop.ts";
import type { RedisSettings } from "../shared/redis/connection.ts";
import { orAborted } from "../shared/or_aborted.ts";
import { isTensor } from "../shared/tensor.ts";
import type { Tracing } from "../shared/tracing.ts";
import { Batcher } from "./batcher.ts";
import { Consumer } from "./consumer.ts";
import { Hands } from "./hands.ts";
import { BEATS_A_CLAIM, Heartbeat } from "./heartbeat.ts";
import type { Decoded } from "./images/decode.ts";
import { Decoder } from "./images/decoder.ts";
import { readTensor } from "./images/tensor.ts";
import type { WorkerMetrics } from "./metrics.ts";
import type { ModelTable } from "./model_table.ts";
import { Recoverer } from "./recoverer.ts";
import { Runner } from "./runner.ts";
import type { Served } from "./served_model.ts";
import { Settler } from "./settler.ts";

export interface PipelineParts {
  readonly config: Config;
  readonly redis: RedisSettings;
  /** The consumer's name. */
  readonly name: string;
  /** One for each shard, by its number. */
  readonly sources: readonly JobSource[];
  readonly models: ModelTable;
  readonly tracing: Tracing;
  readonly metrics: WorkerMetrics;
  readonly clock: Clock;
  readonly log: Log;
  /** Gives up what only starting takes, before the first photo is looked at. */
  readonly shed?: () => Promise<void>;
}

/**
 * Works until `drain` aborts, then finishes what it has begun; `giveUp` ends that too. What it has
 * not begun or cannot finish goes to others.
 */
export async function runPipeline(
  parts: PipelineParts,
  drain: AbortSignal,
  giveUp: AbortSignal,
): Promise<void> {
  const { config, redis, name, sources, models, tracing, metrics, clock, log } = parts;
  const claimIdleMs = config.WEIR_CLAIM_IDLE_MS;
  const batchMax = config.WEIR_BATCH_MAX;
  const attemptsMax = config.WEIR_ATTEMPTS_MAX;
  await using heartbeat = new Heartbeat({
    settings: redis,
    shards: sources.length,
    consumer: name,
    claimIdleMs,
    inferTimeoutMs: config.WEIR_INFER_TIMEOUT_MS,
  });
  await heartbeat.started.then(parts.shed);
  const hands = new Hands();
  const batcher = new Batcher({ batchMax, lingerMs: config.WEIR_BATCH_LINGER_MS, clock });
  const settler = new Settler({
    sources,
    hands,
    onRetry: ({ shard }, delayMs) => recoverers[shard]!.lookAfter(delayMs),
    counts: metrics.counts,
    clock,
    log,
    giveUp,
  });
  const decoder = openDecoder(config);
  metrics.watchPipeline({ batcher, decoder, hands });
  const decode = decoding(decoder);
  const common = { batcher, settler, hands, models, decode, tracing, metrics, clock, log };
  const consumers = sources.map((source) =>
    new Consumer({ ...common, source, readers: sources.length })
  );
  const recoverers = sources.map((source, shard) => {
    const recover = (delivery: Delivery, signal: AbortSignal) =>
      consumers[shard]!.recover(delivery, signal);
    return new Recoverer({ source, recover, metrics, claimIdleMs, clock, log });
  });
  let batchRuns = false;
  const onBatch = (runs: boolean) => {
    batchRuns = runs;
    heartbeat.hold(hands.all(), runs);
  };
  const ran = { onBatch, attemptsMax, batchMax, random: Math.random };
  const runner = new Runner({ ...common, ...ran });

  const running = runner.run(giveUp);
  const drained = new AbortController();
  const beating = loop(
    { name: "heartbeat", periodMs: claimIdleMs / BEATS_A_CLAIM, clock, log },
    drained.signal,
    () => Promise.resolve(heartbeat.hold(hands.all(), batchRuns)),
  );
  const taking = Promise.all([...consumers, ...recoverers].map((each) => each.run(drain)));
  // What is being decoded cannot be stopped either.
  await orAborted(taking, giveUp);
  batcher.close();
  await handBack(hands.unbegun(), parts, hands);
  await running;
  await settler.settled();
  await handBack(hands.all(), parts, hands);
  drained.abort();
  await beating;
}

/** Gives to others what this worker will not do. */
async function handBack(
  deliveries: readonly Delivery[],
  { sources, log }: PipelineParts,
  hands: Hands,
): Promise<void> {
  for (const [shard, group] of Map.groupBy(deliveries, ({ shard }) => shard)) {
    await farewell(log, async () => {
      const queued = await sources[shard]!.handBack(group);
      for (const delivery of group) hands.release(delivery);
      log.info("jobs handed back", { queued });
    });
  }
}

function openDecoder({ WEIR_THREADS, WEIR_PIXELS_MAX: pixelsMax }: Config): Decoder {
  return new Decoder({ threads: WEIR_THREADS ?? navigator.hardwareConcurrency, pixelsMax });
}

/** The way of an image to what its model takes. */
function decoding(decoder: Decoder): (image: Uint8Array, model: Served) => Promise<Decoded> {
  return (image, { card, files: { config: { input } } }) => {
    if (card.engine === "null") return Promise.resolve({ ok: true, pixels: new Uint8Array() });
    if (isTensor(image)) return Promise.resolve(readTensor(image, input));
    return decoder.decode(image, input);
  };
}
