/**
 * A job's whole story as it is seen, once it is asked for.
 *
 * @module
 */
import { html, nothing, type TemplateResult } from "lit-html";
import type { ExplanationView } from "../explain/explanation.ts";
import { timeline } from "./timeline.ts";
import { duration, sentence } from "./words.ts";

/**
 * What can be opened to read the story.
 *
 * @param told the story, or why there is none; undefined while it has not been asked for
 * @param ask is called when it is opened
 */
export function storyDetails(
  told: ExplanationView | string | undefined,
  ask: () => void,
): TemplateResult {
  const toggled = ({ currentTarget }: Event) => {
    if ((currentTarget as HTMLDetailsElement).open) ask();
  };
  return html`
    <details class="story" @toggle=${toggled}>
      <summary>What happened to it</summary>
      ${told === undefined
        ? nothing
        : typeof told === "string"
        ? html`<p>${told}</p>`
        : story(told)}
    </details>
  `;
}

function story({ summary, timeline: segments, events, job }: ExplanationView): TemplateResult {
  return html`
    <p>${sentence(summary)}</p>
    ${timeline(segments, job.timings.totalMs ?? segments.at(-1)?.toMs ?? 0)}
    <ol>
      ${events.map(({ ms, text }) => html`<li><span>${duration(ms)}</span> ${text}</li>`)}
    </ol>
  `;
}
