/**
 * Where a job's time went, as a picture and in words.
 *
 * @module
 */
import { html, svg, type TemplateResult } from "lit-html";
import type { ExplanationView } from "../explain/explanation.ts";
import { duration } from "./words.ts";

/** The stages as a line from the job's acceptance to its outcome, with a legend. */
export function timeline(
  segments: ExplanationView["timeline"],
  totalMs: number,
): TemplateResult {
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
