/**
 * What a gateway has seen in ten seconds, as it is kept in Redis for an hour.
 *
 * Owns its form. Every job is counted by the gateway that took it in, so the samples of all gateways
 * add up to what the deployment did; the state that each adds is the whole deployment's.
 *
 * @module
 */
import { z } from "zod";
import { FINAL_STATES, type FinalState } from "../../shared/job.ts";
import type { Overview } from "../../shared/overview.ts";
import { DistributionSchema } from "./distribution.ts";

/** Time that a sample tells of. */
export const SLOT_MS = 10_000;

/** When the slot began that holds a moment. */
export function slotOf(at: number): number {
  return at - at % SLOT_MS;
}

/** Where a job's time goes, by the names that stories and metrics have for it, too. */
export const STAGES = ["queue", "decode", "wait", "infer", "reply", "total"] as const;

export type Stage = (typeof STAGES)[number];

const Count = z.int().nonnegative();

/** The deployment at the end of the slot. */
const StateSchema = z.object({
  jobs: Count,
  bytes: Count,
  oldestMs: z.number(),
  commandsPerSecond: z.number(),
  memoryBytes: z.number(),
  connections: Count,
});

export const SampleSchema = z.object({
  /** When the slot began: milliseconds since 1970 (UTC), by the gateway's clock. */
  at: z.number(),
  gateway: z.string(),
  submitted: Count,
  finished: z.partialRecord(z.enum(FINAL_STATES), Count),
  images: Count,
  /** What share of batches the jobs were: of a batch of its own a job is 1. */
  batches: z.number(),
  stages: z.partialRecord(z.enum(STAGES), DistributionSchema),
  /** Absent where Redis could not be read as a whole. */
  state: StateSchema.optional(),
});

export type Sample = z.output<typeof SampleSchema>;
/** What of a sample is the gateway's own to tell. */
export type Seen = Omit<Sample, "at" | "gateway" | "state">;
export type State = z.output<typeof StateSchema>;
export type FinishedCounts = Partial<Record<FinalState, number>>;

/** The deployment's state, of what was read of it; nothing where a part is missing. */
export function stateOf({ shards, models, servers }: Overview): State | undefined {
  if (shards.some(({ read }) => !read)) return undefined;
  const sum = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
  return {
    jobs: sum(models.map(({ jobs }) => jobs)),
    bytes: sum(models.map(({ bytes }) => bytes)),
    oldestMs: Math.max(0, ...models.map(({ oldestMs }) => oldestMs)),
    commandsPerSecond: sum(servers.map(({ commandsPerSecond }) => commandsPerSecond)),
    memoryBytes: sum(servers.map(({ memoryBytes }) => memoryBytes)),
    connections: sum(servers.map(({ connections }) => connections)),
  };
}
