/**
 * The application of gateway `g1` on a real Redis, as tests ask it: without a port, and with a
 * worker that does what the test says.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Registry } from "prom-client";
import type { Delivery, Directory, Outcome } from "../../shared/broker.ts";
import { systemClock } from "../../shared/clock.ts";
import type { DeadLetters } from "../../shared/dead_letter.ts";
import type { Handler } from "../../shared/listen.ts";
import type { Quotas } from "../../shared/quota.ts";
import { countFinished, countSubmitted } from "../../shared/metrics.ts";
import { RedisHistory } from "../../shared/redis/history.ts";
import { RedisJobQueue } from "../../shared/redis/job_queue.ts";
import { RedisOverviews } from "../../shared/redis/overview.ts";
import { RedisQuotas } from "../../shared/redis/quota.ts";
import { RedisDirectory } from "../../shared/redis/registry.ts";
import {
  announceWorker,
  type Broker,
  CARD,
  forever,
  openBroker,
  testShards,
} from "../../shared/testing/broker.ts";
import { type KeptLog, keptLog } from "../../shared/testing/kept_log.ts";
import { ManualClock } from "../../shared/testing/manual_clock.ts";
import { Tracing } from "../../shared/tracing.ts";
import { type AppParts, createApp } from "../app.ts";
import { Catalog } from "../catalog.ts";
import type { Dashboard } from "../dashboard/dashboard.ts";
import { openWatch } from "../dashboard/mod.ts";
import { Recorder } from "../dashboard/recorder.ts";
import { EventStreams } from "../events/event_streams.ts";
import { Stories } from "../explain/stories.ts";
import { Jobs } from "../jobs.ts";
import { type ApiKey, findKey } from "../keys/api_key.ts";
import { ReleasedFeed } from "../keys/released_feed.ts";
import type { LetterImages } from "../letter_images.ts";
import { PROBLEMS } from "../problem.ts";
import { measureGateway } from "../metrics.ts";
import { OverviewReader } from "../overview_reader.ts";
import { Sockets, type SocketsParts } from "../socket/sockets.ts";
import { Upgrades } from "../socket/upgrades.ts";
import { Waiters } from "../waiters.ts";
import { type Asked, judged } from "./contract.ts";

/** A picture of 4 by 3 pixels, as far as its header goes. */
export const PHOTO = Uint8Array.from("GIF89a\x04\0\x03\0\0\0\0", (c) => c.charCodeAt(0));

/** A form with so many photos. */
export function formOf(photos: number): RequestInit {
  const body = new FormData();
  for (let i = 0; i < photos; i++) body.append("image", new Blob([PHOTO]), `photo ${i}.gif`);
  return { body };
}

/** A begun job, to be ended once. */
export interface Begun {
  readonly delivery: Delivery;
  /** Answers the images from `from` on up to `to`, that one left out: all are stars. */
  progress(from: number, to: number): Promise<void>;
  end(outcome: Outcome): Promise<void>;
}

export interface OpenedApp extends AsyncDisposable {
  readonly app: Asked;
  readonly broker: Broker;
  readonly waiters: Waiters;
  readonly streams: EventStreams;
  readonly sockets: Sockets;
  /** Takes requests as the server does: those that are to become WebSockets, too. */
  readonly handler: Handler;
  readonly log: KeptLog;
  /** Posts a photo. */
  post(path: string, init?: RequestInit): Promise<Response>;
  /** Begins the next job as a worker does. */
  begin(): Promise<Begun>;
  /** Answers the next job: every image is a star. */
  answer(): Promise<Delivery>;
  /** Begins to drain the gateway. */
  drain(): void;
}

export interface OpenAppOptions extends Partial<Pick<AppParts, "corsOrigins" | "timeoutMs">> {
  /** Bounds of what is admitted. */
  readonly jobsMax?: number;
  readonly bytesMax?: number;
  /** Bytes of answers kept of a job that goes on. */
  readonly partialBytesMax?: number;
  /** What is known of the API keys, where there are any. */
  readonly keys?: readonly ApiKey[];
  /** Bound on each command. */
  readonly redisTimeoutMs?: number;
  /** Whether a worker has announced the one model. */
  readonly served?: boolean;
  /** What the sockets have another way. */
  readonly socket?: Partial<Pick<SocketsParts, "clock" | "bounds" | "socketsMax">>;
}

/** An application as far as it goes without Redis. */
export interface BareApp {
  readonly app: Asked;
  readonly log: KeptLog;
  readonly clock: ManualClock;
}

const FILE = {
  content: new TextEncoder().encode("<!DOCTYPE html>"),
  headers: {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-cache",
    etag: '"a1"',
  },
};

const SERVED = { card: CARD, workers: 1, versions: new Map([[CARD.version, 1]]) };

/** Makes an application without Redis: `models` stands for the directory. */
export function openBareApp(
  { models = () => Promise.resolve([SERVED]), keys, corsOrigins = [] }: {
    models?: Directory["models"];
    keys?: AppParts["keys"];
    corsOrigins?: readonly string[];
  } = {},
): BareApp {
  const [log, clock] = [keptLog(), new ManualClock()];
  const app = createApp({
    catalog: new Catalog({ models }, clock),
    // No request gets so far.
    quotas: undefined as unknown as Quotas,
    jobs: undefined as unknown as Jobs,
    letters: undefined as unknown as DeadLetters,
    letterImages: undefined as unknown as LetterImages,
    dashboard: undefined as unknown as Dashboard,
    onLetterLeft: () => {},
    tracing: new Tracing(clock),
    clock,
    log,
    timeoutMs: 1_000,
    resultTtlMs: 1_000,
    bodyBytesMax: 1_000,
    pixelsMax: 1_000,
    corsOrigins,
    keys,
    pageFiles: new Map([["/", FILE]]),
    streams: new EventStreams({ clock, log, drain: forever }),
    stories: undefined as unknown as Stories,
    sockets: new Sockets({ clock, log, bodyBytesMax: 1_000, drain: forever }),
    upgrades: new Upgrades(),
    metrics: new Registry(),
    leaving: () => false,
    draining: () => false,
  });
  return { app: judged(app), log, clock };
}

/** Opens a broker and makes the application, its feed followed. */
export async function openApp(options: OpenAppOptions = {}): Promise<OpenedApp> {
  const { jobsMax = 100, bytesMax = 1_000_000, redisTimeoutMs = 5_000, served = true } = options;
  const { timeoutMs = 30_000, corsOrigins = [], keys, partialBytesMax } = options;
  await using stack = new AsyncDisposableStack();
  const broker = stack.use(
    await openBroker({ jobsMax, bytesMax, ...(partialBytesMax && { partialBytesMax }) }),
  );
  const [log, clock] = [keptLog(), systemClock];
  const shards = stack.use(
    await testShards({ settings: { ...broker.redis.settings, timeoutMs: redisTimeoutMs } }, log),
  );
  if (served) await announceWorker(broker.shard);
  const quotas = new RedisQuotas(shards.common);
  const metrics = new Registry();
  const counts = { submitted: countSubmitted(metrics), finished: countFinished(metrics) };
  const admission = { jobsMax, bytesMax };
  const queue = new RedisJobQueue({ shards, gateway: "g1", admission, counts });
  const waiters = new Waiters({ queue, clock, log });
  const catalog = new Catalog(new RedisDirectory(shards.all), clock);
  const times = { timeoutMs, resultTtlMs: 60_000 };
  const ring = keys && {
    find: (key: string) => findKey(keys, key),
    named: (name: string) => keys.find((key) => key.name === name),
  };
  const drain = new AbortController();
  const streams = new EventStreams({ clock, log, drain: drain.signal });
  const { socket: socketOptions } = options;
  const sockets = new Sockets({
    clock,
    log,
    bodyBytesMax: 1_000,
    drain: drain.signal,
    ...socketOptions,
  });
  const upgrades = new Upgrades();
  const overviews = new OverviewReader({ overviews: new RedisOverviews({ shards, clock }), clock });
  measureGateway(metrics, {
    ...{ waiters, streams, sockets, shards, overviews, admission, deadBytesMax: 1_000_000 },
  });
  const history = new RedisHistory(shards.common);
  const { letters } = broker;
  const watched = { overviews, history, letters, admission, gateway: "g1", clock, log };
  const watch = openWatch({ ...watched, recorder: new Recorder(watched) });
  const tracing = new Tracing(clock);
  const app = judged(createApp({
    ...watch,
    jobs: new Jobs({ queue, waiters, catalog, tracing, clock, log, ...times, ...watch }),
    letters,
    catalog,
    tracing,
    clock,
    log,
    ...times,
    bodyBytesMax: 1_000,
    pixelsMax: 1_000,
    corsOrigins,
    keys: ring,
    quotas,
    pageFiles: new Map(),
    streams,
    stories: new Stories({ queue, clock }),
    sockets,
    upgrades,
    metrics,
    leaving: () => drain.signal.aborted,
    draining: () => drain.signal.aborted,
  }));
  const closed = new AbortController();
  const feed = ring === undefined
    ? broker.feed
    : new ReleasedFeed({ feed: broker.feed, keys: ring, quotas, log });
  const following = waiters.follow(watch.noting(feed), closed.signal);
  stack.defer(async () => {
    closed.abort();
    await following;
  });
  const begin = () => beginNext(broker);
  const opened = stack.move();
  return {
    app,
    broker,
    waiters,
    streams,
    sockets,
    handler: upgrades.handler(app.fetch),
    log,
    post: (path, init) => app.request(path, { method: "POST", body: PHOTO, ...init }),
    begin,
    answer: async () => {
      const { delivery, end } = await begin();
      await end(stars(delivery));
      return delivery;
    },
    drain: () => drain.abort(),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function beginNext({ source }: Broker): Promise<Begun> {
  let delivery: Delivery | undefined;
  while (delivery === undefined) [delivery] = await source.read(1, forever);
  const begun = delivery;
  const [verdict] = await source.begin([begun]);
  assert(verdict?.kind === "run");
  return {
    delivery: begun,
    progress: (from, to) => {
      const answers = begun.images.slice(from, to).map(() => ({ predictions: STAR }));
      return source.progress([{ delivery: begun, tell: verdict.tell, from, answers }]);
    },
    end: async (outcome) => {
      await source.settle([{ delivery: begun, tell: verdict.tell, outcome }]);
    },
  };
}

/** What every image is answered with. */
export const STAR = [{ label: "star", probability: 0.75 }];

function stars({ images }: Delivery): Outcome {
  return {
    state: "succeeded",
    results: images.map(() => ({ predictions: STAR })),
    timings: { inferMs: 2 },
  };
}

/** Asserts that a response is a problem, and gives its detail. */
export async function problem(response: Response, status: number, code: string): Promise<string> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const { detail, ...rest } = JSON.parse(text);
  const { title } = PROBLEMS[code as keyof typeof PROBLEMS];
  assert.deepEqual(rest, { type: "about:blank", title, status, code, success: false });
  return detail;
}
