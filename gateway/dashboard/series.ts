/**
 * The last hour, put together of what all gateways kept of it.
 *
 * Owns the slots. Never asks Redis. Invariant: a gateway's sample of a slot counts once, also when
 * it was kept twice; slots older than an hour are gone.
 *
 * @module
 */
import { type Sample, SLOT_MS, type Stage, type State } from "./sample.ts";
import { Tally } from "./tally.ts";
import type { Point } from "./view.ts";

/** What is kept and shown. */
export const HOUR_MS = 3_600_000;

interface Slot {
  readonly gateways: Set<string>;
  readonly tally: Tally;
  readonly seen: Sample[];
  state: State | undefined;
}

export class Series {
  readonly #slots = new Map<number, Slot>();

  /** Takes a sample in; gives the point that it changed, nothing where it is known. */
  add(sample: Sample): Point | undefined {
    const { at, gateway, state } = sample;
    const slot = this.#slots.get(at) ??
      { gateways: new Set(), tally: new Tally(), seen: [], state: undefined };
    if (slot.gateways.has(gateway)) return undefined;
    slot.gateways.add(gateway);
    slot.tally.merge(sample);
    slot.seen.push(sample);
    slot.state = state ?? slot.state;
    this.#slots.set(at, slot);
    return pointOf(at, slot);
  }

  /** Forgets what is older than an hour. */
  forget(now: number): void {
    for (const at of this.#slots.keys()) {
      if (at < now - HOUR_MS - SLOT_MS) this.#slots.delete(at);
    }
  }

  /** All points there are, in order; none of slots in which nothing happened. */
  points(): Point[] {
    return [...this.#slots].sort(([a], [b]) => a - b).map(([at, slot]) => pointOf(at, slot));
  }

  /** Adds up what happened since a moment. */
  since(from: number, tally: Tally): Tally {
    for (const [at, { seen }] of this.#slots) {
      if (at >= from) seen.forEach((sample) => tally.merge(sample));
    }
    return tally;
  }
}

function pointOf(at: number, { tally, state }: Slot): Point {
  const mean = (stage: Stage) => tally.stages.get(stage)!.mean;
  const succeeded = tally.finished.succeeded ?? 0;
  const seconds = SLOT_MS / 1000;
  return {
    at,
    jobs: state?.jobs ?? null,
    oldestMs: state?.oldestMs ?? null,
    submittedPerSecond: tally.submitted / seconds,
    donePerSecond: succeeded / seconds,
    failedPerSecond: (tally.done - succeeded) / seconds,
    batchImages: tally.batchImages,
    queueMs: mean("queue"),
    decodeMs: mean("decode"),
    waitMs: mean("wait"),
    inferMs: mean("infer"),
    replyMs: mean("reply"),
    commandsPerSecond: state?.commandsPerSecond ?? null,
  };
}
