/**
 * Which faults strike, when and how hard: drawn from a seed, the same for the same seed.
 *
 * What the seed does not settle is what the machine does meanwhile: which jobs run at a strike is
 * up to its scheduling.
 *
 * @module
 */
import { Random } from "../fixtures/training/random.ts";

export const FAULT_KINDS = [
  /** SIGKILL of a worker, and a new one. */
  "worker kill",
  /** SIGSTOP of a worker, and SIGCONT. */
  "worker freeze",
  "gateway kill",
  "gateway freeze",
  /** SIGKILL of Redis, and a new one on what the old one had written. */
  "redis restart",
  /** Every connection to Redis is closed. */
  "cut",
  /** Whatever passes between the processes and Redis is held up. */
  "delay",
  /** One process' connections carry nothing any more, and nobody closes them. */
  "half-open",
  /** Redis carries out what it was told, but each connection breaks before the next reply. */
  "lost reply",
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** Strikes once so many submissions have ended. */
  readonly at: number;
  /** Chooses the victim among those that there are then: from 0 to below 1. */
  readonly pick: number;
  /** How long it lasts, or how long the victim stays away. */
  readonly forMs: number;
  /** By how much a delay holds up what passes. */
  readonly delayMs: number;
}

/** Bounds of {@linkcode Fault.forMs}; twice the claim idle time is well within. */
const FOR_MS = [200, 3000] as const;

/** Mean of {@linkcode Fault.forMs}. */
export const FOR_MS_MEAN = (FOR_MS[0] + FOR_MS[1]) / 2;

/** Bounds of {@linkcode Fault.delayMs}: above and below the patience of a command. */
const DELAY_MS = [20, 1500] as const;

/**
 * Draws faults with sfc32 (Chris Doty-Humphrey, PractRand). Each kind comes before any comes
 * again, so that all come equally often; they are spread evenly over the run.
 *
 * @param lastAt submissions that have ended when the last one strikes
 */
export function planFaults(
  { seed, faults, lastAt }: {
    readonly seed: number;
    readonly faults: number;
    readonly lastAt: number;
  },
): Fault[] {
  const random = new Random(seed, 0);
  const round = Int32Array.from(FAULT_KINDS.keys());
  return Array.from({ length: faults }, (_, i) => {
    const place = i % round.length;
    if (place === 0) random.shuffle(round);
    return {
      kind: FAULT_KINDS[round[place]!]!,
      at: Math.floor((i + 1) * lastAt / faults),
      pick: random.next(),
      forMs: random.integer(...FOR_MS),
      delayMs: random.integer(...DELAY_MS),
    };
  });
}
