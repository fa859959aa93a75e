/**
 * What a model cannot answer, told before it is asked.
 *
 * @module
 */
import type { Fault } from "../shared/errors.ts";
import { ANSWERS_BYTES_MAX } from "../shared/job.ts";
import type { ModelCard } from "../shared/model_card.ts";
import { bytesOfNumbers, sizeOf } from "../shared/tensor.ts";
import { fault } from "./problem.ts";

/** Why a model does not answer so many images, or not as it is asked to. */
export function unfitFor(
  { name, output: { kind, shape } }: ModelCard,
  images: number,
  { top }: { readonly top: number | undefined },
): Fault | undefined {
  if (kind === "classes") return undefined;
  if (top !== undefined) {
    const which = `"top" is for classes, model "${name}" answers with "${kind}"`;
    return fault("invalid_request", which);
  }
  const imagesMax = Math.floor(ANSWERS_BYTES_MAX / bytesOfNumbers(shape));
  if (images <= imagesMax) return undefined;
  const numbers = `model "${name}" answers each with ${sizeOf(shape)} numbers`;
  return fault(
    "payload_too_large",
    `${numbers}, so at most ${imagesMax} images are accepted, not ${images}`,
  );
}
