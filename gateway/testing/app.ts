/**
 * The application on a real broker, as tests ask it: without a port.
 *
 * @module
 */
import { systemClock } from "../../shared/clock.ts";
import { RedisDirectory, RedisWorkerRegistry } from "../../shared/redis/registry.ts";
import { type Broker, CARD, openBroker } from "../../shared/testing/broker.ts";
import { type KeptLog, keptLog } from "../../shared/testing/kept_log.ts";
import { createApp } from "../app.ts";
import { Catalog } from "../catalog.ts";
import { Jobs } from "../jobs.ts";
import { Waiters } from "../waiters.ts";

export interface OpenedApp extends AsyncDisposable {
  readonly app: ReturnType<typeof createApp>;
  readonly broker: Broker;
  readonly log: KeptLog;
  /** Begins to drain the gateway. */
  drain(): void;
}

/** Opens a broker, announces its one model, and makes the application of gateway `g1`. */
export async function openApp(
  options: Parameters<typeof openBroker>[0] = {},
): Promise<OpenedApp> {
  const broker = await openBroker(options);
  const { queue, letters, redis: { client } } = broker;
  const registry = new RedisWorkerRegistry({ client, shard: 0, worker: "w1", lifetimeMs: 60_000 });
  await registry.announce({ name: "w1", engine: CARD.engine, models: [CARD] });
  const [log, clock] = [keptLog(), systemClock];
  const catalog = new Catalog(new RedisDirectory(client, 0), clock);
  const times = { timeoutMs: 30_000, resultTtlMs: 60_000 };
  const waiters = new Waiters({ queue, clock, log });
  let draining = false;
  const app = createApp({
    jobs: new Jobs({ queue, waiters, catalog, clock, log, ...times }),
    letters,
    catalog,
    clock,
    log,
    ...times,
    bodyBytesMax: 1_000_000,
    pixelsMax: 1_000_000,
    corsOrigins: [],
    page: { files: [] },
    draining: () => draining,
  });
  return {
    app,
    broker,
    log,
    drain: () => void (draining = true),
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
}
