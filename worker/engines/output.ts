/**
 * What engines insist on of a run's outputs.
 *
 * @module
 */
import type { Shape } from "../../shared/tensor.ts";

/**
 * Takes the one output that a net is to have.
 *
 * @param names of the outputs, in order
 * @throws where it has others: which of them is meant, only whoever made the net knows
 */
export function onlyOutput<T>(outputs: readonly T[], names: readonly string[]): T {
  if (outputs.length === 1) return outputs[0]!;
  const named = names.map((name) => `"${name}"`).join(", ");
  throw new Error(`the net has ${outputs.length} outputs, not one: cut it to one of ${named}`);
}

/**
 * Checks that an output has the numbers of so many images, one after the other.
 *
 * @throws where it has others
 */
export function checkOutput({ type, shape }: OutputForm, images: number): void {
  if (type !== "float32") throw new Error(`the net's output is ${type}, not float32`);
  if (shape[0] === images) return;
  throw new Error(
    `the net's output is [${shape.join(", ")}], not a row for each of ${images} images`,
  );
}

/** What an output is. */
export interface OutputForm {
  readonly type: string;
  /** That of the whole batch. */
  readonly shape: Shape;
}
