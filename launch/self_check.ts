/**
 * The first photo through the whole pipeline, posted like any client's.
 *
 * @module
 */
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
  readonly label: string;
  readonly probability: number;
  readonly ms: number;
}

/** Pause between two looks at a gateway that is starting. */
const READY_PAUSE_MS = 50;

/** Waits until an address answers with a success, or the signal aborts. */
export async function untilOk(url: string, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const ok = await fetch(url, { signal }).then(async (response) => {
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
 * @param key the API key, where the gateway wants one
 * @throws {StartError} where the answer is no success
 */
export async function checkItself(
  url: string,
  photo: string,
  key: string | undefined,
  clock: Clock,
): Promise<SelfCheck> {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const body = await Deno.readFile(photo);
  const began = clock.now();
  const response = await fetch(`${url}/predict`, { method: "POST", headers, body });
  const answer = await response.json();
  const ms = clock.now() - began;
  const [best] = answer.predictions ?? [];
  if (!response.ok) throw new StartError(`self-check failed: ${answer.code}: ${answer.detail}`);
  const { models } = await (await fetch(`${url}/v1/models`, { headers })).json();
  const model = models.find((one: ServedModel) => one.default && one.readyWorkers > 0);
  return { model, label: best?.label ?? "nothing", probability: best?.probability ?? 0, ms };
}
