/**
 * Where a job's time went, as a picture and in words.
 *
 * @module
 */
import { html, svg, type TemplateResult } from "lit-html";
import type { JobView } from "../job_view.ts";
import { duration } from "./words.ts";

/** A part of a job's time. */
export interface Stage {
  readonly name: "queue" | "decode" | "infer" | "rest";
  /** When it began, after the job was accepted. */
  readonly fromMs: number;
  readonly ms: number;
}

/**
 * A finished job's stages in order; none where no worker has begun it.
 *
 * What no stage accounts for is the rest. It may lie before the model's run as well as behind it:
 * the timings do not say.
 */
export function stagesOf({ queueMs, decodeMs, inferMs, totalMs }: JobView["timings"]): Stage[] {
  if (queueMs === null || totalMs === null) return [];
  const known = [
    { name: "queue", ms: queueMs },
    { name: "decode", ms: decodeMs ?? 0 },
    { name: "infer", ms: inferMs ?? 0 },
  ] as const;
  let fromMs = 0;
  const stages = known.map(({ name, ms }): Stage => {
    const stage = { name, fromMs, ms };
    fromMs += ms;
    return stage;
  });
  return [...stages, { name: "rest", fromMs, ms: Math.max(0, totalMs - fromMs) }];
}

/** The stages as a line from the job's acceptance to its outcome, with a legend. */
export function timeline(timings: JobView["timings"]): TemplateResult {
  const stages = stagesOf(timings);
  const lengthMs = stages.reduce((sum, { ms }) => sum + ms, 0);
  const share = (ms: number) => `${(100 * ms / lengthMs).toFixed(2)}%`;
  return html`
    <div class="timeline">
      <svg aria-hidden="true" height="10">
        ${stages.map(({ name, fromMs, ms }) =>
          svg`<rect class=${`stage-${name}`} x=${share(fromMs)} width=${share(ms)} height="10" />`
        )}
      </svg>
      <dl>
        ${entry("total", timings.totalMs ?? lengthMs)}
        ${stages.map(({ name, ms }) =>
          entry(html`<span class=${`swatch stage-${name}`}></span>${name}`, ms)
        )}
      </dl>
    </div>
  `;
}

function entry(name: TemplateResult | string, ms: number): TemplateResult {
  return html`
    <div>
      <dt>${name}</dt>
      <dd>${duration(ms)}</dd>
    </div>
  `;
}
