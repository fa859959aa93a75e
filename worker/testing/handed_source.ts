/**
 * A source without Redis: delivers what a test hands it, and keeps what becomes of it.
 *
 * @module
 */
import {
  BrokerUnavailable,
  type Delivery,
  type Finished,
  type JobSource,
  type Lane,
  type Progress,
  type Settled,
  type Verdict,
} from "../../shared/broker.ts";
import type { JobId } from "../../shared/job.ts";
import { orAborted } from "../../shared/or_aborted.ts";
import { laneKey } from "../shares.ts";
import { MODEL } from "./jobs.ts";

export class HandedSource implements JobSource {
  interruptible = true;
  /** One unless a test has others. */
  lanes: readonly Lane[] = [{ model: MODEL, lane: 0 }];
  /** While true, every call fails. */
  away = false;
  /** What `begin` says of a job; `run` at the first attempt where nothing is said. */
  readonly verdicts = new Map<JobId, Verdict>();
  readonly finished: Finished[] = [];
  readonly reported: Progress[] = [];
  /** How many of the next reports fail. */
  refusedReports = 0;
  readonly handedBack: Delivery[] = [];
  readonly putOff: { readonly delivery: Delivery; readonly delayMs: number }[] = [];
  /** The counts that reads asked for. */
  readonly asked: number[] = [];
  #handed: Delivery[] = [];
  #changed = Promise.withResolvers<void>();

  /** Makes deliveries readable. */
  hand(...deliveries: Delivery[]): void {
    this.#handed.push(...deliveries);
    this.#announce();
  }

  async read(
    count: number,
    signal: AbortSignal,
    lanes: readonly Lane[] = this.lanes,
  ): Promise<Delivery[]> {
    this.asked.push(count);
    this.#announce();
    this.#check();
    while (!signal.aborted) {
      const read = this.#taken(count, lanes);
      if (read.length > 0) return read;
      await orAborted(this.#changed.promise, signal);
    }
    return [];
  }

  readNow(count: number, lanes: readonly Lane[]): Promise<Delivery[]> {
    return this.#answer(() => {
      this.asked.push(count);
      return this.#taken(count, lanes);
    });
  }

  #taken(count: number, lanes: readonly Lane[]): Delivery[] {
    const keys = lanes.map(laneKey);
    const queues = Map.groupBy(this.#handed, laneKey);
    const taken = keys.flatMap((key) => (queues.get(key) ?? []).slice(0, count));
    this.#handed = this.#handed.filter((delivery) => !taken.includes(delivery));
    return taken;
  }

  begin(deliveries: readonly Delivery[]): Promise<Verdict[]> {
    return this.#answer(() =>
      deliveries.map(({ id }) =>
        this.verdicts.get(id) ?? { kind: "run", attempt: 1, tell: "g1", ageMs: 0 } as const
      )
    );
  }

  progress(made: readonly Progress[]): Promise<void> {
    return this.#answer(() => {
      if (this.refusedReports > 0) {
        this.refusedReports--;
        throw new BrokerUnavailable("away", "no reply");
      }
      this.reported.push(...made);
    });
  }

  settle(done: readonly Finished[]): Promise<Settled[]> {
    return this.#answer(() => {
      this.finished.push(...done);
      return done.map(({ outcome: { state } }) => state === "dead" ? "failed" : state);
    });
  }

  retry(delivery: Delivery, delayMs: number): Promise<boolean> {
    return this.#answer(() => {
      this.putOff.push({ delivery, delayMs });
      return true;
    });
  }

  handBack(deliveries: readonly Delivery[]): Promise<number> {
    return this.#answer(() => this.handedBack.push(...deliveries));
  }

  longestIdle(): Promise<number> {
    return this.#answer(() => 0);
  }

  async *claim(): AsyncIterable<Delivery> {}

  leave(): Promise<void> {
    return Promise.resolve();
  }

  /** Waits until something is true of what is kept here. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await this.#changed.promise;
  }

  #answer<T>(answer: () => T): Promise<T> {
    try {
      this.#check();
      return Promise.resolve(answer());
    } catch (error) {
      return Promise.reject(error);
    } finally {
      this.#announce();
    }
  }

  #check(): void {
    if (this.away) throw new BrokerUnavailable("away", "Connection is closed.");
  }

  #announce(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
