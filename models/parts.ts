/**
 * What the commands of `model` have of their process.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";
import type { Config } from "../shared/config.ts";

export interface ModelParts {
  readonly config: Pick<
    Config,
    | "WEIR_MODELS"
    | "WEIR_DATA_DIR"
    | "WEIR_ENGINE"
    | "WEIR_THREADS"
    | "WEIR_PIXELS_MAX"
    | "WEIR_OUTPUT_BYTES_MAX"
  >;
  readonly clock: Clock;
  /** Takes one line, or several with line breaks between. */
  readonly write: (text: string) => void;
  /** Where progress is shown. */
  readonly terminal: NodeJS.WritableStream;
  readonly signal: AbortSignal;
}
