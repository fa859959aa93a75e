/**
 * A job's story as Redis has it: facts as JSON in the record, and the way back.
 *
 * @module
 */
import { z } from "zod";
import type { JobId } from "../job.ts";
import { Fact, type JobStory, type StoryEvent } from "../story.ts";
import { fieldsOf, parseRecord } from "./record.ts";

/** What scripts put together: `[at, fact]` with commas between. */
const Story = z.array(z.tuple([z.number(), Fact]));

/** What of the record is told in the story alone. */
const StoryFields = z.object({
  story: z.string().default(""),
  bytes: z.coerce.number().default(0),
  tell: z.string().default(""),
  missed: z.string().default(""),
  replayOf: z.string().optional(),
});

/** What READ_STORY gives back. */
export type StoryReply = [record: string[], keptMs: number, now: number];

/** A fact as scripts are given it. */
export function factText(fact: Fact): string {
  return JSON.stringify(fact);
}

/** Reads a story; undefined where there is no record. */
export function parseStory(id: JobId, [flat, keptMs, now]: StoryReply): JobStory | undefined {
  const fields = fieldsOf(flat);
  const record = parseRecord(id, { ...fields, now: String(now) });
  if (record === undefined) return undefined;
  const { story, bytes, tell, missed, replayOf } = StoryFields.parse(fields);
  const events = Story.parse(JSON.parse(`[${story}]`))
    .map(([at, fact]): StoryEvent => ({ at, fact }));
  const told = namesIn(tell);
  return {
    record,
    bytes,
    // Whoever takes a job in is the first to be told of it.
    gateway: told[0] ?? "",
    ...(replayOf !== undefined && { replayOf: replayOf as JobId }),
    events,
    told,
    missed: namesIn(missed),
    readAt: now,
    keptUntil: now + keptMs,
  };
}

/** Names with spaces between, as the record has gateways. */
export function namesIn(text: string): string[] {
  return text.split(" ").filter((name) => name !== "");
}
