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
  type Progress,
  type Settled,
  type Verdict,
} from "../../shared/broker.ts";
import type { JobId } from "../../shared/job.ts";

export class HandedSource implements JobSource {
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

  async read(count: number, signal: AbortSignal): Promise<Delivery[]> {
    this.asked.push(count);
    this.#announce();
    this.#check();
    const aborted = new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve(), { once: true })
    );
    while (this.#handed.length === 0 && !signal.aborted) {
      await Promise.race([this.#changed.promise, aborted]);
    }
    return this.#handed.splice(0, count);
  }

  begin(deliveries: readonly Delivery[]): Promise<Verdict[]> {
    return this.#answer(() =>
      deliveries.map(({ id }) =>
        this.verdicts.get(id) ?? { kind: "run", attempt: 1, tell: "g1" } as const
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

  longestIdle(): Promise<number | undefined> {
    return this.#answer(() => undefined);
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
