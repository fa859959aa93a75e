/**
 * The sample photos of the built-in model, with what must be answered for each.
 *
 * @module
 */
import { join } from "node:path";

/** The built-in model. */
export const MODEL = "shapes";

/** How far a probability may be off: engines compute in float32, each in its own order. */
const PROBABILITY_ERROR = 0.01;

interface Prediction {
  readonly label: string;
  readonly probability: number;
}

export interface SamplePhoto {
  /** Name of its file. */
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The class that must come first. */
  readonly best: Prediction;
}

/** Reads all of them. */
export async function samplePhotos(root: string): Promise<SamplePhoto[]> {
  const fixtures = join(root, "fixtures");
  const expected: Record<string, Prediction[]> = JSON.parse(
    await Deno.readTextFile(join(fixtures, "expected.json")),
  );
  return await Promise.all(
    Object.entries(expected).map(async ([name, [best]]) => ({
      name,
      bytes: await Deno.readFile(join(fixtures, "photos", name)),
      best: best!,
    })),
  );
}

/** Whether predictions are those of the photo. */
export function isRight(predictions: unknown, { best }: SamplePhoto): boolean {
  if (!Array.isArray(predictions)) return false;
  const [first]: Partial<Prediction>[] = predictions;
  return first?.label === best.label &&
    Math.abs(first.probability! - best.probability) <= PROBABILITY_ERROR;
}
