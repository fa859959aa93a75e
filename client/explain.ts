/**
 * A job's story from the command line: what happened, and where the time went.
 *
 * Owns what a person sees of it. Never touches arguments, streams or exit codes.
 *
 * @module
 */
import { z } from "zod";
import { ask, type CommandOptions, errorOf } from "./gateway.ts";

/** Which job, and how to tell; JSON is as the gateway has it. */
export interface ExplainOptions extends CommandOptions {
  readonly id: string;
}

const Explanation = z.looseObject({
  job: z.looseObject({ id: z.string(), model: z.string() }),
  summary: z.string(),
  stages: z.record(z.string(), z.number()),
  timeline: z.array(z.object({ stage: z.string(), fromMs: z.number(), toMs: z.number() })),
  events: z.array(z.object({ at: z.string(), ms: z.number(), text: z.string() })),
  traceId: z.string().nullable(),
  readableUntil: z.string(),
});
type Explanation = z.output<typeof Explanation>;

/** Characters of the picture of a job's time. */
const BAR_WIDTH = 50;

/**
 * Tells a job's story.
 *
 * @returns the exit code: 0, or 1 where there is none
 * @throws the signal's reason once it aborts
 */
export async function explain(
  { id, url, key, json, write, signal }: ExplainOptions,
): Promise<number> {
  const path = `/v1/jobs/${encodeURIComponent(id)}/explain`;
  const asked = await ask(url, { method: "GET", path, key, answer: Explanation }, { signal });
  if (json) write(JSON.stringify(asked.ok ? asked.value : errorOf(asked), undefined, 2));
  else write(asked.ok ? text(asked.value) : asked.detail);
  return asked.ok ? 0 : 1;
}

function text(story: Explanation): string {
  const { job, summary, events, traceId, readableUntil } = story;
  const times = events.map(({ ms }) => `+${ms} ms`);
  const width = Math.max(...times.map(({ length }) => length));
  return [
    `job ${job.id}, model ${job.model}`,
    summary,
    "",
    ...events.map(({ text }, i) => `  ${times[i]!.padStart(width)}  ${text}`),
    "",
    ...bars(story),
    `accepted ${events[0]?.at}, readable until ${readableUntil}`,
    ...(traceId === null ? [] : [`trace ${traceId}`]),
  ].join("\n");
}

/** Each stage that took time as a line: where on the way it lay, and how long it was. */
function bars({ stages, timeline }: Explanation): string[] {
  const total = Math.max(0, ...timeline.map(({ toMs }) => toMs));
  if (total === 0) return [];
  const spent = Object.entries(stages).filter(([, ms]) => ms > 0);
  const width = Math.max(...spent.map(([name]) => name.length));
  const lines = spent.map(([name, ms]) => {
    const cells = Array<string>(BAR_WIDTH).fill("·");
    for (const { stage, fromMs, toMs } of timeline) {
      if (stage !== name) continue;
      const from = Math.min(BAR_WIDTH - 1, Math.floor(BAR_WIDTH * fromMs / total));
      cells.fill("█", from, Math.max(from + 1, Math.round(BAR_WIDTH * toMs / total)));
    }
    const percent = Math.round(100 * ms / total);
    return `  ${name.padEnd(width)}  ${cells.join("")}  ${ms} ms, ${percent} %`;
  });
  return [...lines, ""];
}
