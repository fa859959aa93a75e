/**
 * Where a job's time went, as a picture and in words.
 *
 * @module
 */
import { html, svg, type TemplateResult } from "lit-html";
import type { ExplanationView } from "../explain/explanation.ts";
import type { JobView } from "../job_view.ts";
import { duration } from "./words.ts";

type Stage = ExplanationView["timeline"][number]["stage"];

/** A part of a job's time, in milliseconds since it was accepted. */
export interface Segment {
  /** The rest is what no stage accounts for. */
  readonly stage: Stage | "rest";
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * A finished job's stages in order, as its timings tell; none where no worker has begun it.
 *
 * The rest may lie before the model's run as well as behind it: the timings do not say.
 */
export function segmentsOf({ queueMs, decodeMs, inferMs, totalMs }: JobView["timings"]): Segment[] {
  if (queueMs === null || totalMs === null) return [];
  const known = [["queue", queueMs], ["decode", decodeMs ?? 0], ["infer", inferMs ?? 0]] as const;
  let fromMs = 0;
  const segments = known.map(([stage, ms]): Segment => {
    const segment = { stage, fromMs, toMs: fromMs + ms };
    fromMs = segment.toMs;
    return segment;
  });
  return [...segments, { stage: "rest", fromMs, toMs: Math.max(fromMs, totalMs) }];
}

/** The stages as a line from the job's acceptance to its outcome, with a legend. */
export function timeline(segments: readonly Segment[], totalMs: number): TemplateResult {
  const lengthMs = Math.max(totalMs, segments.at(-1)?.toMs ?? 0);
  const share = (ms: number) => `${(100 * ms / lengthMs).toFixed(2)}%`;
  const byStage = [...Map.groupBy(segments, ({ stage }) => stage)];
  return html`
    <div class="timeline">
      <svg aria-hidden="true" height="10">
        ${segments.map(({ stage, fromMs, toMs }) =>
          svg`<rect data-stage=${stage} x=${share(fromMs)} width=${share(toMs - fromMs)} />`
        )}
      </svg>
      <dl>
        ${entry("total", totalMs)}
        ${byStage.map(([stage, parts]) =>
          entry(
            html`<span class="swatch" data-stage=${stage}></span>${stage}`,
            parts.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0),
          )
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
