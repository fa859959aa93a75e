/**
 * A job's whole story as it is seen: where its time went, and what happened to it.
 *
 * @module
 */
import { html, nothing, type TemplateResult } from "lit-html";
import type { ExplanationView } from "../explain/explanation.ts";
import { timeline } from "./timeline.ts";
import { duration, sentence } from "./words.ts";

/** @param told the story, or why there is none; undefined while it is not known */
export function story(
  told: ExplanationView | string | undefined,
): TemplateResult | typeof nothing {
  if (told === undefined) return nothing;
  if (typeof told === "string") {
    return html`<p class="reason">What happened to it could not be read: ${told}</p>`;
  }
  const { summary, timeline: segments, events, job } = told;
  return html`
    <div class="story">
      <p>${sentence(summary)}</p>
      ${timeline(segments, job.timings.totalMs ?? 0)}
      <details>
        <summary>What happened to it</summary>
        <ol>
          ${events.map(({ ms, text }) => html`<li><span>${duration(ms)}</span> ${text}</li>`)}
        </ol>
      </details>
    </div>
  `;
}
