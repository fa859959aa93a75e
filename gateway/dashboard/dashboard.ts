/**
 * What a deployment is doing, for as many as look at it at this gateway.
 *
 * Owns who looks, and the one reader that looks at Redis for all of them.
 * Invariant: while nobody looks, Redis is asked nothing; who looks besides others costs it nothing.
 *
 * @module
 */
import { BrokerUnavailable } from "../../shared/broker.ts";
import type { Clock } from "../../shared/clock.ts";
import type { DeadLetterPage, DeadLetters } from "../../shared/dead_letter.ts";
import type { History } from "../../shared/history.ts";
import type { Log } from "../../shared/log.ts";
import type { Overview, Overviews } from "../../shared/overview.ts";
import type { StreamListener, StreamSource } from "../events/event_streams.ts";
import { letterView } from "../letter_view.ts";
import type { Recorder } from "./recorder.ts";
import { SampleSchema, stateOf } from "./sample.ts";
import { Series } from "./series.ts";
import { Tally } from "./tally.ts";
import { type Limits, troublesOf } from "./troubles.ts";
import type { Point, View } from "./view.ts";

/** Time between two looks. */
export const LOOK_MS = 2_000;

/** Dead letters that are shown: the newest. */
const LETTERS_SHOWN = 12;

/** Over which the rate is taken, and the times of the stages. */
const [RATE_MS, STAGES_MS] = [60_000, 300_000];

const NO_LETTERS: DeadLetterPage = { letters: [], total: 0 };

const encoder = new TextEncoder();

export interface DashboardParts {
  readonly overviews: Overviews;
  readonly history: Pick<History, "since">;
  readonly letters: Pick<DeadLetters, "list">;
  readonly recorder: Pick<Recorder, "underWay">;
  /** Of each model's queue. */
  readonly limits: Limits;
  /** This gateway's name. */
  readonly gateway: string;
  readonly clock: Clock;
  readonly log: Log;
}

export class Dashboard {
  readonly #parts: DashboardParts;
  readonly #series = new Series();
  readonly #viewers = new Set<StreamListener>();
  #cursor: string | undefined;
  #letters = NO_LETTERS;
  /** How many letters there were and of how many bytes, when they were read. */
  #lettersSeen = "";
  /** The last look, for who comes before the next one. */
  #view: View | undefined;
  #nobody = new AbortController();

  constructor(parts: DashboardParts) {
    this.#parts = parts;
    this.#nobody.abort();
  }

  /** How many look. */
  get size(): number {
    return this.#viewers.size;
  }

  /** A look at it for as long as somebody listens. */
  watch(): StreamSource {
    let viewer: StreamListener | undefined;
    return {
      id: "dashboard",
      listen: (listener) => {
        viewer = listener;
        this.#join(listener);
      },
      [Symbol.dispose]: () => {
        if (viewer !== undefined) this.#leave(viewer);
      },
    };
  }

  /** Looks at once, instead of at the next turn: what is shown was just changed. */
  async refresh(): Promise<void> {
    this.#lettersSeen = "";
    if (this.#viewers.size > 0) await this.#look();
  }

  #join(viewer: StreamListener): void {
    this.#viewers.add(viewer);
    if (this.#viewers.size > 1 && this.#view !== undefined) {
      viewer.send(eventOf("points", this.#series.points()));
      viewer.send(eventOf("view", this.#view));
    } else if (this.#viewers.size === 1) {
      this.#nobody = new AbortController();
      void this.#lookOn(this.#nobody.signal);
    }
  }

  #leave(viewer: StreamListener): void {
    this.#viewers.delete(viewer);
    if (this.#viewers.size === 0) this.#nobody.abort();
  }

  /** Looks until nobody does any more. */
  async #lookOn(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts;
    this.#view = undefined;
    while (!signal.aborted) {
      try {
        await this.#look();
      } catch (error) {
        log.warn("dashboard cannot be updated", { error: String(error) });
      }
      await clock.sleep(LOOK_MS, signal);
    }
  }

  async #look(): Promise<void> {
    const { overviews, clock } = this.#parts;
    const [overview, points] = await Promise.all([overviews.read(), this.#readHistory()]);
    await this.#readLetters(overview);
    this.#series.forget(clock.wall());
    const first = this.#view === undefined;
    this.#view = this.#viewOf(overview);
    if (first) this.#tell("points", this.#series.points());
    else if (points.length > 0) this.#tell("points", points);
    this.#tell("view", this.#view);
  }

  /** Takes in what was kept since the last look; gives the points that it changed. */
  async #readHistory(): Promise<Point[]> {
    try {
      const { texts, cursor } = await this.#parts.history.since(this.#cursor);
      this.#cursor = cursor;
      return texts.flatMap((text) => {
        // Another version of Weir may keep something else.
        const sample = SampleSchema.safeParse(JSON.parse(text));
        const point = sample.success ? this.#series.add(sample.data) : undefined;
        return point === undefined ? [] : [point];
      });
    } catch (error) {
      if (error instanceof BrokerUnavailable) return [];
      throw error;
    }
  }

  /** Reads the newest letters, where there are others than before: they pass through Redis' Lua. */
  async #readLetters({ models }: Overview): Promise<void> {
    const seen = models.map(({ model, deadLetters, deadBytes }) =>
      `${model} ${deadLetters} ${deadBytes}`
    ).join();
    if (seen === this.#lettersSeen) return;
    try {
      this.#letters = await this.#parts.letters.list(undefined, LETTERS_SHOWN) ?? NO_LETTERS;
      this.#lettersSeen = seen;
    } catch (error) {
      if (!(error instanceof BrokerUnavailable)) throw error;
    }
  }

  #viewOf(overview: Overview): View {
    const { gateway, limits } = this.#parts;
    const { readAt, shards, models, workers, gateways, servers } = overview;
    const minute = this.#since(readAt - RATE_MS);
    const recent = this.#since(readAt - STAGES_MS);
    const { jobs, bytes, oldestMs } = stateOf(overview) ?? { jobs: 0, bytes: 0, oldestMs: 0 };
    const { letters, total } = this.#letters;
    return {
      at: readAt,
      gateway,
      troubles: troublesOf(overview, limits),
      jobs,
      bytes,
      oldestMs,
      limits,
      donePerSecond: 1000 * (minute.finished.succeeded ?? 0) / RATE_MS,
      batchImages: recent.batchImages,
      stages: [...recent.stages].map(([stage, times]) => ({
        stage,
        meanMs: times.mean,
        p50Ms: times.quantile(0.5),
        p95Ms: times.quantile(0.95),
        p99Ms: times.quantile(0.99),
      })),
      models,
      workers: workers.map(({ name, models, alive }) => ({
        name,
        engine: alive?.engine ?? "",
        models,
        beatMs: alive?.beatMs ?? null,
      })),
      gateways,
      servers,
      shards: { all: shards.length, away: shards.filter(({ breakerOpen }) => breakerOpen).length },
      letters: { total, newest: letters.map(letterView) },
    };
  }

  /** What happened since a moment, that which is not kept yet included. */
  #since(from: number): Tally {
    const tally = new Tally();
    tally.merge(this.#parts.recorder.underWay.toSample());
    return this.#series.since(from, tally);
  }

  #tell(name: "points" | "view", data: readonly Point[] | View): void {
    const event = eventOf(name, data);
    for (const viewer of this.#viewers) viewer.send(event);
  }
}

function eventOf(name: string, data: unknown): Uint8Array {
  return encoder.encode(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}
