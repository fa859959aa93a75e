/**
 * What is wrong, in sentences.
 *
 * Owns the judgement, which is of one look. Never asks anybody.
 *
 * @module
 */
import type { ModelOverview, Overview, WorkerOverview } from "../../shared/overview.ts";
import { counted } from "../page/words.ts";
import type { Trouble } from "./view.ts";

/** Bounds of each model's queue. */
export interface Limits {
  readonly jobs: number;
  readonly bytes: number;
}

/** A queue is told of as filling from this part of its bounds on. */
const FILLING = 0.8;

/** Redis' memory is told of from this part of its bound on. */
const MEMORY_SCARCE = 0.9;

/** A job that waits longer, with workers alive, is told of. */
const LONG_MS = 10_000;

/** What is wrong, the worst first. */
export function troublesOf(overview: Overview, limits: Limits): Trouble[] {
  const { shards, models, workers, servers } = overview;
  const away = shards.filter(({ read }) => !read);
  const texts: Trouble[] = [];
  if (away.length === shards.length) {
    texts.push(fault("Redis does not answer: new requests are refused as “busy”."));
    return texts;
  }
  if (away.length > 0) {
    const which = (away.length === 1 ? "shard " : "shards ") +
      away.map(({ number }) => number).join(", ");
    texts.push(fault(`Redis does not answer for ${which}.`));
  }
  if (models.length === 0) texts.push(fault("No worker has offered a model yet."));
  texts.push(...models.flatMap((model) => ofModel(model, limits)));
  texts.push(...workers.filter(({ alive }) => alive === undefined).map(silent));
  for (const { memoryBytes, memoryBytesMax } of servers) {
    if (memoryBytesMax === 0 || memoryBytes < MEMORY_SCARCE * memoryBytesMax) continue;
    const part = Math.round(100 * memoryBytes / memoryBytesMax);
    texts.push(
      warning(`Redis has used ${part}% of its memory; when it is full, jobs are refused.`),
    );
  }
  return texts;
}

function ofModel(
  { model, workers, jobs, bytes, oldestMs }: ModelOverview,
  limits: Limits,
): Trouble[] {
  const troubles: Trouble[] = [];
  const wait = jobs === 1 ? "1 job waits" : `${jobs} jobs wait`;
  if (workers === 0) {
    const state = jobs === 0
      ? "what is sent now waits until one is started"
      : `${wait}, the oldest for ${duration(oldestMs)}`;
    troubles.push(fault(`No worker is alive for model “${model}”; ${state}.`));
  } else if (oldestMs > LONG_MS) {
    troubles.push(warning(
      `The oldest job of model “${model}” has been there for ${duration(oldestMs)}; ` +
        `${jobs} ${jobs === 1 ? "is" : "are"} not done.`,
    ));
  }
  const filled = Math.max(jobs / limits.jobs, bytes / limits.bytes);
  if (filled >= FILLING) {
    const part = Math.min(100, Math.round(100 * filled));
    troubles.push(warning(
      `The queue of model “${model}” is ${part}% full; when it is full, jobs are refused.`,
    ));
  }
  return troubles;
}

function silent({ name }: WorkerOverview): Trouble {
  return warning(`Worker “${name}” has been silent for too long: another one takes its jobs over.`);
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 120) return counted(seconds, "second");
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? counted(minutes, "minute") : counted(Math.floor(minutes / 60), "hour");
}

function fault(text: string): Trouble {
  return { level: "fault", text };
}

function warning(text: string): Trouble {
  return { level: "warning", text };
}
