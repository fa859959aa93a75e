/**
 * A photo as it is seen: what it is, where it is, and its classes.
 *
 * @module
 */
import { html, nothing, type TemplateResult } from "lit-html";
import type { ExplanationView } from "../explain/explanation.ts";
import type { AnswerView } from "../answer_view.ts";
import { curl } from "./curl.ts";
import type { Phase, Photo } from "./photo.ts";
import { story } from "./story.ts";
import { firstOf, numbersIn, percent, shapeInWords } from "./words.ts";

type Classes = Extract<AnswerView, { readonly predictions: unknown }>;

/** What a person can do with a photo. */
export interface PhotoActions {
  readonly retry: () => void;
  readonly cancel: () => void;
  readonly copy: () => void;
}

/** What a card shows besides its photo. */
export interface PhotoView {
  /** Address of the picture. */
  readonly picture: string;
  /** Whether the gateway needs an API key. */
  readonly keyed: boolean;
  /** What happened to its job, or why that is not known; undefined until it is over. */
  readonly story: ExplanationView | string | undefined;
  /** Label of the button that copies. */
  readonly copyLabel: string;
}

const PHASES: Readonly<Record<Phase, string>> = {
  waiting: "Waiting",
  sending: "Sending",
  queued: "Queued",
  running: "Running",
  answered: "Answered",
  cancelled: "Cancelled",
  failed: "Not classified",
};

export function photoCard(photo: Photo, view: PhotoView, actions: PhotoActions): TemplateResult {
  const { file, phase, job, reason } = photo;
  return html`
    <img class="thumbnail" src=${view.picture} alt="" @error=${blank}>
    <div class="outcome">
      <div class="title">
        <h3>${file.name}</h3>
        <span class="badge" data-phase=${phase}>${PHASES[phase]}</span>
        ${button(photo, actions)}
      </div>
      ${reason === "" ? nothing : html`<p class="reason">${reason}</p>`}
      ${phase === "answered" ? answer(job!.result!) : nothing}
      ${photo.over ? nothing : html`<span class="progress" aria-hidden="true"></span>`}
      ${story(view.story)}
    </div>
    <div class="command">
      <code>${curl(file.name, photo.url, view.keyed)}</code>
      <button type="button" class="button" @click=${actions.copy}>
        ${view.copyLabel}<span class="visually-hidden"> the curl command</span>
      </button>
    </div>
  `;
}

function button({ over, retryable }: Photo, { retry, cancel }: PhotoActions): unknown {
  if (!over) return html`<button type="button" class="button" @click=${cancel}>Cancel</button>`;
  if (!retryable) return nothing;
  return html`<button type="button" class="button" @click=${retry}>Try again</button>`;
}

/** Shows a sign where the browser can show no picture. */
function blank({ currentTarget }: Event): void {
  const image = currentTarget as HTMLImageElement;
  image.classList.add("blank");
  image.src = "page/icon.svg";
}

function answer(result: AnswerView): TemplateResult {
  if ("predictions" in result) return bars(result.predictions);
  const { shape, data } = numbersIn(result);
  return html`<p class="numbers">${shapeInWords(shape)}: <code>${firstOf(data)}</code></p>`;
}

function bars(predictions: Classes["predictions"]): TemplateResult {
  return html`
    <ol class="bars" aria-label="Classes, the most probable first">
      ${predictions.map(({ label, probability }) =>
        html`
          <li>
            <span class="label">${label}</span>
            <span class="percent">${percent(probability)}</span>
            <svg class="track" aria-hidden="true">
              <rect width=${`${100 * probability}%`} />
            </svg>
          </li>
        `
      )}
    </ol>
  `;
}
