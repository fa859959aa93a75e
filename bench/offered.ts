/**
 * Models that are offered though no worker serves them, for a day after their last worker: so jobs
 * wait.
 *
 * @module
 */
import type { BenchRedis } from "./redis.ts";
import type { Stage } from "./scenario.ts";
import { startWeir, type System } from "./system.ts";

/** Pause between two looks at what is offered. */
const LOOK_MS = 100;

/**
 * Has a worker come and go, and waits until the gateway knows its models.
 *
 * @param env settings of the worker
 * @param models how many it serves
 */
export async function offerModels(
  stage: Stage,
  redis: BenchRedis,
  { urls: [url] }: System,
  env: Readonly<Record<string, string>>,
  models = 1,
): Promise<void> {
  const { clock, signal } = stage;
  await using _worker = await startWeir(stage, redis, { gateways: 0, env });
  while (!signal.aborted) {
    const offered = await (await fetch(`${url}/v1/models`)).json();
    if (offered.models?.length === models) return;
    await clock.sleep(LOOK_MS, signal);
  }
}
