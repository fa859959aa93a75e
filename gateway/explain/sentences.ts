/**
 * A job's story in sentences, for a person who is tired.
 *
 * Pure. Owns the words that page and terminal show. Never says more than is known.
 *
 * @module
 */
import type { Ended, Fact, JobStory, StoryEvent, Work } from "../../shared/story.ts";
import { counted, duration } from "../page/words.ts";
import type { Attempt } from "./attempts.ts";
import type { Stage } from "./timeline.ts";

/** What a job does in a stage. */
const STAGE_WORDS: Readonly<Record<Stage, string>> = {
  queue: "waiting for a worker to begin it",
  decode: "decoding its images",
  wait: "decoded, waiting for the model to be free",
  infer: "in the model",
  reply: "after the model, until Redis had the outcome",
  pause: "put off after the model failed",
  lost: "with a worker that fell silent",
  running: "with a worker that has not said more yet",
};

/** What is known of the wait for a worker where one was given the job in vain. */
const IN_VAIN = ": one that had been given it fell silent before";

/** How a worker came to the job then. */
const TAKEN_OVER = "took it over from a worker that had been given it and fell silent, and";

/** Redis' answer to a beginning is told when it took longer than any healthy one does. */
const SLOW_BEGIN_MS = 50;

/**
 * Says in one sentence what became of a job, and where its time went.
 *
 * @param inVain whether a worker was given it and fell silent before it began
 */
export function summaryOf(
  { record, readAt }: JobStory,
  totals: Readonly<Record<Stage, number>>,
  slowest: Stage | undefined,
  inVain: boolean,
): string {
  const { state, createdAt, finishedAt = readAt } = record;
  const total = finishedAt - createdAt;
  const head = record.finishedAt === undefined
    ? `${state}, accepted ${duration(total)} ago`
    : `${state} after ${duration(total)}`;
  if (slowest === undefined) return head;
  const most = totals[slowest];
  const words = STAGE_WORDS[slowest] + (slowest === "queue" && inVain ? IN_VAIN : "");
  const percent = Math.round(100 * most / Math.max(total, most));
  if (percent === 100) return `${head}, all of it ${words}`;
  const part = percent > 50 ? "most of it" : "longest";
  return `${head}; ${part}, ${duration(most)} (${percent} %), ${words}`;
}

/** Says how the job came to be. */
export function acceptedText({ record, bytes, gateway, replayOf }: JobStory): string {
  const { images: { total }, model, createdAt, deadlineAt } = record;
  const size = bytes > 0 ? `, ${kilobytes(bytes)}` : "";
  const origin = replayOf === undefined ? "" : `, made of the dead letter of job ${replayOf}`;
  return `gateway ${gateway} took it in${origin}: ${counted(total, "image")}${size}, ` +
    `for model ${model}, to be done within ${duration(deadlineAt - createdAt)}`;
}

/**
 * Says what a fact means, in the light of the attempts around it.
 *
 * @param taken whether its worker came after one that fell silent before it began
 */
export function factText(
  { at, fact }: StoryEvent,
  story: JobStory,
  attempts: readonly Attempt[],
  taken: boolean,
): string {
  switch (fact.kind) {
    case "began":
      return beganText(at, fact, attempts, taken);
    case "put_off":
      return `${workText(fact.work)}the model failed on an image; put off for ${
        duration(fact.delayMs)
      }`;
    case "handed_back":
      return `worker ${fact.worker} gave it back to the queue, for others to do`;
    case "dropped":
      return taken
        ? `worker ${fact.worker} ${TAKEN_OVER} removed its entry`
        : `worker ${fact.worker} found its entry in the queue and removed it`;
    case "more":
      return "more happened than is kept here";
    case "ended":
      return endedText(fact, story, attempts, taken);
  }
}

function beganText(
  at: number,
  fact: Fact & { kind: "began" },
  attempts: readonly Attempt[],
  taken: boolean,
): string {
  const { worker, attempt, delivery, from } = fact;
  const index = attempts.findIndex(({ beganAt, worker: by }) => beganAt === at && by === worker);
  const before = attempts[index - 1];
  const how = before?.end === "lost" || before?.end === "overtaken"
    ? `took it over from worker ${before.worker}, which had fallen silent, and began`
    : taken
    ? `${TAKEN_OVER} began`
    : "began";
  const again = delivery > 1 ? ` (delivery ${delivery} of its entry)` : "";
  const behind = from > 0 ? `, behind the ${counted(from, "image")} answered before` : "";
  return `worker ${worker} ${how} attempt ${attempt}${again}${behind}`;
}

function workText(work: Work | undefined): string {
  if (work === undefined) return "";
  const { version, beginMs, decodeMs, waitMs, inferMs, batches } = work;
  const parts: string[] = [];
  if (beginMs > SLOW_BEGIN_MS) parts.push(`Redis took ${duration(beginMs)} to begin it`);
  if (decodeMs !== undefined) parts.push(`decoding took ${duration(decodeMs)}`);
  if (waitMs !== undefined) parts.push(`waiting for the model ${duration(waitMs)}`);
  const model = version === undefined ? "the model" : `version ${version} of the model`;
  if (inferMs !== undefined) parts.push(`${model} ${duration(inferMs)}`);
  const runs = batches.map(({ number, images, jobs, mates, again }) => {
    const more = jobs - 1 - mates.length;
    const named = mates.join(", ") + (more > 0 ? ` and ${more} more` : "");
    const others = mates.length > 0 ? `, with ${named}` : jobs > 1 ? ", with other jobs" : "";
    const twice = again ? "; the model failed on it, its images ran once more, one by one" : "";
    const size = `${counted(images, "image")} of ${counted(jobs, "job")}`;
    return `batch ${number} (${size}${others}${twice})`;
  });
  return [parts.join(", "), ...runs].join("; ") + "; ";
}

function endedText(
  fact: Ended,
  { record, told, missed }: JobStory,
  attempts: readonly Attempt[],
  taken: boolean,
): string {
  const news = toldText(told, missed);
  const by = `${fact.role} ${fact.by}`;
  switch (fact.state) {
    case "succeeded": {
      const late = attempts.some(({ end }) => end === "overtaken") ? ", late but first" : "";
      return `${workText(fact.work)}succeeded, written by ${by}${late}${news}`;
    }
    case "failed": {
      const { code, detail } = record.error ?? { code: "job_failed", detail: "" };
      const kept = fact.dead ? ", kept as a dead letter with its images" : "";
      return `${workText(fact.work)}failed with ${code}: ${detail}; written by ${by}${kept}${news}`;
    }
    case "cancelled":
      return `cancelled by ${by}${fact.why === undefined ? "" : `: ${WHY[fact.why]}`}${news}`;
    case "expired":
      return `expired: ${by} ${taken ? `${TAKEN_OVER} ` : ""}found its deadline passed${news}`;
  }
}

const WHY: Readonly<Record<NonNullable<Ended["why"]>, string>> = {
  asked: "a client asked for it",
  client_left: "the client that waited left, and nobody else waited",
  too_few_replicas: "too few of Redis' replicas had it, so it was refused",
};

function toldText(told: readonly string[], missed: readonly string[]): string {
  const heard = told.filter((name) => !missed.includes(name));
  const reached = heard.length > 0 ? `; told to gateway ${heard.join(", ")}` : "; told to nobody";
  const gone = missed.length > 0 ? `; gateway ${missed.join(", ")} was not there to be told` : "";
  return reached + gone;
}

function kilobytes(bytes: number): string {
  return bytes < 1000 ? `${bytes} bytes` : `${Math.round(bytes / 1000)} kB`;
}
