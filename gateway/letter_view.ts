/**
 * A dead letter as administrators read it: the schema of its JSON, and the JSON of what is kept.
 *
 * @module
 */
import { z } from "zod";
import type { DeadLetter } from "../shared/dead_letter.ts";
import { Time, time } from "./job_view.ts";

export const LetterSchema = z.object({
  id: z.string().meta({ description: "The job's" }),
  model: z.string(),
  reason: z.string().meta({ description: "Why the job was given up" }),
  attempts: z.int(),
  failedAt: Time,
  images: z.int(),
  bytes: z.int().meta({ description: "Of all its images" }),
}).meta({ id: "DeadLetter", description: "A job that was given up, kept with its images" });

export type LetterView = z.output<typeof LetterSchema>;

/** Makes a letter's JSON. */
export function letterView(letter: DeadLetter): LetterView {
  return { ...letter, failedAt: time(letter.failedAt) };
}
