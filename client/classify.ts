/**
 * Files in, what a model makes of them out, as lines of text.
 *
 * Owns the order of things and what a person sees. Never touches arguments, streams or exit codes.
 * Invariant: a file that fails takes no other with it.
 *
 * @module
 */
import { z } from "zod";
import { numbersInWords } from "../shared/answer_words.ts";
import type { Prediction } from "../shared/job.ts";
import { osState } from "../shared/os_error.ts";
import { ask, type Asked, type CommandOptions, errorOf } from "./gateway.ts";

/**
 * What to classify, where, and how to tell; JSON is one array, of `{"file"}` with its answer or its
 * `error` each.
 */
export interface ClassifyOptions extends CommandOptions {
  /** Name of the model, or the default one. */
  readonly model: string | undefined;
  /** Number of predictions, as the gateway reads it: it judges the bounds. */
  readonly top: string | undefined;
  /** Paths of the photos. */
  readonly files: readonly string[];
}

const Numbers = z.array(z.number());

/** What a model answers, by its kind; classes the most probable first. */
const Answer = z.union([
  z.object({ predictions: z.array(z.object({ label: z.string(), probability: z.number() })) }),
  z.object({ embedding: Numbers }),
  z.object({ tensor: z.object({ shape: Numbers, data: Numbers }) }),
]);
type Answer = Asked<z.output<typeof Answer>>;

/**
 * Classifies files one after the other and tells each outcome when it is there; as JSON, all at
 * the end.
 *
 * @returns the exit code: 0, or 1 when any file failed
 * @throws the signal's reason once it aborts
 *
 * @example
 * ```ts
 * import { classify } from "./classify.ts";
 *
 * await classify({
 *   files: ["castle.jpg"],
 *   url: "http://127.0.0.1:8080",
 *   key: undefined,
 *   model: undefined,
 *   top: "3",
 *   json: false,
 *   write: (text) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`)),
 *   signal: AbortSignal.timeout(60_000),
 * });
 * ```
 */
export async function classify(options: ClassifyOptions): Promise<number> {
  const { files, json, write } = options;
  const entries: unknown[] = [];
  let failed = false;
  for (const file of files) {
    const answer = await answerOf(file, options);
    failed ||= !answer.ok;
    if (json) entries.push(entry(file, answer));
    else write(text(file, answer));
  }
  if (json) write(JSON.stringify(entries, undefined, 2));
  return failed ? 1 : 0;
}

async function answerOf(
  file: string,
  { url, key, model, top, signal }: ClassifyOptions,
): Promise<Answer> {
  let image: Uint8Array<ArrayBuffer>;
  try {
    image = await Deno.readFile(file, { signal });
  } catch (error) {
    signal.throwIfAborted();
    const detail = `the file cannot be read: ${osState(error)}`;
    return { ok: false, code: "unreadable_file", detail };
  }
  const question = { path: "/predict", query: { model, top }, body: image, key, answer: Answer };
  return await ask(url, { method: "POST", ...question }, { signal });
}

function entry(file: string, answer: Answer): unknown {
  return { file, ...(answer.ok ? answer.value : errorOf(answer)) };
}

function text(file: string, answer: Answer): string {
  if (!answer.ok) return `${file}: ${answer.detail}`;
  return [file, ...rows(answer.value)].join("\n");
}

function rows(answer: z.output<typeof Answer>): string[] {
  if ("predictions" in answer) return answer.predictions.map(row);
  return [`  ${numbersInWords(answer)}`];
}

/** Cells of the bar of a certain class. */
const BAR_CELLS = 20;
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** Percent, bar, label: the label is last because a terminal's width of it cannot be known. */
function row({ label, probability }: Prediction): string {
  const percent = `${(probability * 100).toFixed(1)}%`.padStart(8);
  const eighths = Math.round(probability * BAR_CELLS * 8);
  const bar = "█".repeat(eighths >> 3) + EIGHTHS[eighths & 7];
  return `${percent}  ${bar.padEnd(BAR_CELLS)}  ${label}`;
}
