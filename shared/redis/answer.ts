/**
 * The answer of an image as Redis has it: JSON, with rows of numbers in base64.
 *
 * Owns that form. As digits, a number would take twice the room, and be parsed and printed by all
 * who only pass it on. Invariant: every number comes back with the bits that it had.
 *
 * @module
 */
import { z } from "zod";
import type { ImageAnswer } from "../job.ts";
import { bytesIn, floatsIn } from "../tensor.ts";

/** Little-endian float32. */
const Numbers = z.string().transform((text) => floatsIn(Uint8Array.fromBase64(text)));

const StoredAnswer = z.union([
  z.object({ predictions: z.array(z.object({ label: z.string(), probability: z.number() })) }),
  z.object({ embedding: Numbers }),
  z.object({ tensor: z.object({ shape: z.array(z.number()), data: Numbers }) }),
]);

const StoredAnswers = z.array(StoredAnswer);

/** Writes an answer. */
export function answerText(answer: ImageAnswer): string {
  return JSON.stringify(
    answer,
    (_, value) => value instanceof Float32Array ? bytesIn(value).toBase64() : value,
  );
}

/** Reads answers, which scripts put together with commas between. */
export function parseAnswers(texts: string): ImageAnswer[] {
  return StoredAnswers.parse(JSON.parse(`[${texts}]`));
}
