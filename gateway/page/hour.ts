/**
 * The last hour, slot by slot, of what is known of it.
 *
 * @module
 */
import type { Point, View } from "../dashboard/view.ts";

/** Time that a point tells of. */
export const SLOT_MS = 10_000;

/** Slots in an hour. */
const SLOTS = 360;

/** What of a point a look tells too. */
type Now = Pick<Point, "jobs" | "oldestMs" | "commandsPerSecond">;

/** What of a view is taken in. */
type Look = Pick<View, "at" | "jobs" | "oldestMs" | "servers">;

const IDLE = {
  jobs: 0,
  oldestMs: 0,
  submittedPerSecond: 0,
  donePerSecond: 0,
  failedPerSecond: 0,
};

const NOTHING = {
  batchImages: null,
  queueMs: null,
  decodeMs: null,
  waitMs: null,
  inferMs: null,
  replyMs: null,
  commandsPerSecond: null,
};

/** One slot; what is not known is null. */
export type Slot = { readonly [K in keyof Point]: K extends "at" ? number : number | null };

export class Hour {
  readonly #points = new Map<number, Point>();
  readonly #looks = new Map<number, Now>();

  /** Takes in what the gateways noted. */
  add(points: readonly Point[]): void {
    for (const point of points) this.#points.set(point.at, point);
  }

  /** Takes in what is now. */
  look({ at, jobs, oldestMs, servers }: Look): void {
    const commandsPerSecond = servers.length === 0
      ? null
      : servers.reduce((sum, server) => sum + server.commandsPerSecond, 0);
    this.#looks.set(slotOf(at), { jobs, oldestMs, commandsPerSecond });
    this.#forget(at);
  }

  /**
   * All slots up to now. Of a slot of which nobody noted anything, nothing happened in it where
   * there were no jobs before; else it is not known.
   */
  slots(now: number): Slot[] {
    const last = slotOf(now);
    let jobs: number | null = 0;
    return Array.from({ length: SLOTS + 1 }, (_, i) => {
      const at = last - (SLOTS - i) * SLOT_MS;
      const point = this.#points.get(at);
      const look = this.#looks.get(at);
      const idle = jobs === 0 && at < last ? IDLE : UNKNOWN;
      const slot = { ...NOTHING, ...idle, ...look, ...point, at };
      if (point !== undefined) slot.commandsPerSecond ??= look?.commandsPerSecond ?? null;
      jobs = point?.jobs ?? look?.jobs ?? jobs;
      return slot;
    });
  }

  #forget(now: number): void {
    const from = slotOf(now) - SLOTS * SLOT_MS;
    for (const slots of [this.#points, this.#looks]) {
      for (const at of slots.keys()) if (at < from) slots.delete(at);
    }
  }
}

const UNKNOWN = {
  jobs: null,
  oldestMs: null,
  submittedPerSecond: null,
  donePerSecond: null,
  failedPerSecond: null,
};

function slotOf(at: number): number {
  return at - at % SLOT_MS;
}
