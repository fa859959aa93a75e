/**
 * The first photo through the whole pipeline, posted like any client's.
 *
 * @module
 */
import { type NumbersAnswer, numbersInWords } from "../shared/answer_words.ts";
import type { Clock } from "../shared/clock.ts";
import { StartError } from "./start_error.ts";

/** What `start` needs of a model to describe it. */
export interface ServedModel {
  readonly name: string;
  readonly default: boolean;
  /** A default of earlier days stays known, with none. */
  readonly readyWorkers: number;
  readonly engine: string;
  readonly labels: readonly string[];
}

export interface SelfCheck {
  readonly model: ServedModel;
  /** What the model saw: `star, 98.7 %`. */
  readonly answer: string;
  readonly ms: number;
}

/** An answer of `/predict`, by the model's kind. */
type Predicted = NumbersAnswer | {
  readonly predictions?: readonly { readonly label: string; readonly probability: number }[];
};

/** Pause between two looks at a gateway that is starting. */
const READY_PAUSE_MS = 50;

/** A gateway, and what it is asked for. */
export interface Asked {
  readonly url: string;
  /** The API key, where the gateway wants one. */
  readonly key: string | undefined;
  /** The default one unless given. */
  readonly model: string | undefined;
}

function headersOf({ key }: Asked): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}

/** Waits until a path is answered with a success, or the signal aborts. */
export async function untilOk(
  asked: Asked,
  path: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const headers = headersOf(asked);
  while (!signal.aborted) {
    const ok = await fetch(asked.url + path, { headers, signal }).then(async (response) => {
      await response.body?.cancel();
      return response.ok;
    }).catch(() => false);
    if (ok) return;
    await clock.sleep(READY_PAUSE_MS, signal);
  }
}

/**
 * Has a photo classified.
 *
 * @throws {StartError} where the answer is no success
 */
export async function checkItself(
  asked: Asked,
  photo: string,
  clock: Clock,
): Promise<SelfCheck> {
  const { url, model: name } = asked;
  const headers = headersOf(asked);
  const query = name === undefined ? "" : `?model=${name}`;
  const body = await Deno.readFile(photo);
  const began = clock.now();
  const response = await fetch(`${url}/predict${query}`, { method: "POST", headers, body });
  const answer = await response.json();
  const ms = clock.now() - began;
  if (!response.ok) throw new StartError(`self-check failed: ${answer.code}: ${answer.detail}`);
  const { models } = await (await fetch(`${url}/v1/models`, { headers })).json();
  const model = models.find((one: ServedModel) =>
    one.readyWorkers > 0 && (name === undefined ? one.default : one.name === name)
  );
  return { model, answer: inWords(answer), ms };
}

function inWords(answer: Predicted): string {
  if ("embedding" in answer || "tensor" in answer) return numbersInWords(answer);
  const [best] = answer.predictions ?? [];
  return best === undefined ? "nothing" : `${best.label}, ${(100 * best.probability).toFixed(1)} %`;
}
