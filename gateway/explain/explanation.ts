/**
 * A job's whole story after the fact, as a document: its schema, and its making.
 *
 * @module
 */
import { z } from "zod";
import { type BatchRun, type JobStory, Work } from "../../shared/story.ts";
import { parseTraceparent } from "../../shared/traceparent.ts";
import type { Frozen } from "../answer_view.ts";
import { JobSchema, jobView, Time, time } from "../job_view.ts";
import { type Attempt, ATTEMPT_ENDS, attemptsOf, takenUnbegun } from "./attempts.ts";
import { acceptedText, factText, summaryOf } from "./sentences.ts";
import { slowestOf, STAGES, timelineOf, totalsOf } from "./timeline.ts";

const Ms = z.number();
const StageName = z.enum(STAGES);

const AttemptSchema = z.object({
  number: z.int().meta({
    description: "From 1 on; an attempt that was handed back gives its number to the next",
  }),
  worker: z.string(),
  delivery: z.int().meta({ description: "How often its entry had been delivered by then" }),
  beganAt: Time,
  endedAt: Time.nullable(),
  end: z.enum(ATTEMPT_ENDS),
  work: Work.nullable().meta({ description: "What its worker reported of it" }),
}).meta({ id: "Attempt", description: "One attempt of a worker at a job" });

/** The whole story of one job. */
export const ExplanationSchema = z.object({
  job: JobSchema,
  summary: z.string().meta({ description: "What became of it, and where its time went" }),
  slowest: StageName.nullable().meta({ description: "The stage that took longest" }),
  stages: z.object(Object.fromEntries(STAGES.map((stage) => [stage, Ms]))).meta({
    description: "Milliseconds in each stage, all attempts together",
  }),
  timeline: z.array(z.object({
    stage: StageName,
    attempt: z.int().nullable(),
    fromMs: Ms,
    toMs: Ms,
  })).meta({ description: "Its stages, to be drawn: in milliseconds since it was accepted" }),
  events: z.array(z.object({
    at: Time,
    ms: Ms.meta({ description: "Since it was accepted" }),
    text: z.string(),
  })).meta({ description: "What happened, in sentences" }),
  attempts: z.array(AttemptSchema),
  gateway: z.string().meta({ description: "The gateway that took it in" }),
  told: z.array(z.string()).meta({ description: "Gateways that are told of its outcome" }),
  missed: z.array(z.string()).meta({ description: "Those that were not there to be told" }),
  imageBytes: z.int(),
  replayOf: z.string().nullable().meta({ description: "The dead job that it is a replay of" }),
  traceId: z.string().nullable(),
  readableUntil: Time.meta({ description: "When its record expires" }),
}).meta({ id: "Explanation", description: "One job's whole story" });

export type ExplanationView = Frozen<z.output<typeof ExplanationSchema>>;

export interface ExplanationOptions {
  /** Whether to name the jobs that were in a batch with it: they may be other keys'. */
  readonly named: boolean;
}

/** Tells a job's story. */
export function explanationOf(story: JobStory, { named }: ExplanationOptions): ExplanationView {
  const told = named ? story : withoutMates(story);
  const { record, events, replayOf } = told;
  const attempts = attemptsOf(told);
  const taken = takenUnbegun(told);
  const timeline = timelineOf(told, attempts);
  const stages = totalsOf(timeline);
  const slowest = slowestOf(stages);
  const event = (at: number, text: string) => ({
    at: time(at),
    ms: at - record.createdAt,
    text,
  });
  return {
    job: jobView(record),
    summary: summaryOf(told, stages, slowest, taken.size > 0),
    slowest: slowest ?? null,
    stages,
    timeline,
    events: [
      event(record.createdAt, acceptedText(told)),
      ...events.map((each) => event(each.at, factText(each, told, attempts, taken.has(each)))),
    ],
    attempts: attempts.map(attemptView),
    gateway: told.gateway,
    told: told.told,
    missed: told.missed,
    imageBytes: told.bytes,
    replayOf: replayOf ?? null,
    traceId: parseTraceparent(record.traceparent)?.traceId ?? null,
    readableUntil: time(told.keptUntil),
  };
}

function attemptView(
  { attempt, worker, delivery, beganAt, endedAt, end, work }: Attempt,
): ExplanationView["attempts"][number] {
  const times = { beganAt: time(beganAt), endedAt: time(endedAt) };
  return { number: attempt, worker, delivery, ...times, end, work: work ?? null };
}

function withoutMates(story: JobStory): JobStory {
  const events = story.events.map(({ at, fact }) => {
    if (!("work" in fact) || fact.work === undefined) return { at, fact };
    const batches = fact.work.batches.map((run): BatchRun => ({ ...run, mates: [] }));
    return { at, fact: { ...fact, work: { ...fact.work, batches } } };
  });
  return { ...story, events };
}
