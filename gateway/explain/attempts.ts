/**
 * The attempts at a job, put together from its story.
 *
 * Pure. Owns the reading of what nobody wrote down: a worker that dies or freezes says nothing. An
 * attempt without an end, behind which another begins, was left by such a one; a delivery without an
 * attempt, behind which another comes, went to one.
 *
 * @module
 */
import type { Began, JobStory, StoryEvent, Work } from "../../shared/story.ts";

/**
 * How attempts end. `lost`: its worker fell silent, and another took over. `overtaken`: a worker
 * that had been taken for dead brought the outcome first. `expired` and `cancelled`: while it ran.
 */
export const ATTEMPT_ENDS = [
  "running",
  "succeeded",
  "failed",
  "put_off",
  "handed_back",
  "lost",
  "overtaken",
  "cancelled",
  "expired",
] as const;

/** One attempt at a job; times are milliseconds of Redis' clock since 1970 (UTC). */
export interface Attempt extends Omit<Began, "kind"> {
  readonly beganAt: number;
  end: (typeof ATTEMPT_ENDS)[number];
  endedAt?: number;
  /** How long it is put off, where it is. */
  delayMs?: number;
  work?: Work;
}

/** The attempts in the order in which they began. */
export function attemptsOf({ events }: Pick<JobStory, "events">): Attempt[] {
  const attempts: Attempt[] = [];
  for (const event of events) take(attempts, event);
  return attempts;
}

/**
 * The events of workers that were given the job after another had been, which fell silent before it
 * began: deliveries of its entry count from 1 on, and each that was begun is told.
 */
export function takenUnbegun({ events }: Pick<JobStory, "events">): ReadonlySet<StoryEvent> {
  const taken = new Set<StoryEvent>();
  let known = 0;
  for (const event of events) {
    const { fact } = event;
    // A new entry, and what is not kept here.
    if (fact.kind === "handed_back") known = 0;
    if (fact.kind === "more") known = Infinity;
    if (!("delivery" in fact) || fact.delivery === undefined) continue;
    if (fact.delivery > known + 1) taken.add(event);
    known = Math.max(known, fact.delivery);
  }
  return taken;
}

function take(attempts: Attempt[], { at, fact }: StoryEvent): void {
  const last = attempts.at(-1);
  const open = last?.end === "running" ? last : undefined;
  const close = (attempt: Attempt | undefined, end: Attempt["end"], more?: Partial<Attempt>) => {
    if (attempt !== undefined) Object.assign(attempt, { end, endedAt: at, ...more });
  };
  switch (fact.kind) {
    case "began": {
      close(open, "lost");
      const { worker, attempt, delivery, from } = fact;
      return void attempts.push({ worker, attempt, delivery, from, beganAt: at, end: "running" });
    }
    case "put_off": {
      const { delayMs, work } = fact;
      return close(open, "put_off", { delayMs, ...(work && { work }) });
    }
    case "handed_back":
      return close(open, open?.worker === fact.worker ? "handed_back" : "lost");
    case "ended": {
      if (fact.role !== "worker") return close(open, fact.state);
      const own = fact.work && attempts.findLast(({ worker }) => worker === fact.by);
      if (open !== own) close(open, own === undefined ? "lost" : "overtaken");
      return close(own, fact.state, fact.work && { work: fact.work });
    }
    case "dropped":
    case "more":
      return;
  }
}
