/**
 * The dead letters: what each was, why it was given up, and what can be done with it.
 *
 * @module
 */
import { html, nothing, type TemplateResult } from "lit-html";
import type { View } from "../dashboard/view.ts";
import { bytes, counted, sentence, timeOfDay } from "./words.ts";

export type Letter = View["letters"]["newest"][number];

/** What a person can do with a letter. */
export interface LetterActions {
  readonly replay: (letter: Letter) => void;
  readonly discard: (letter: Letter) => void;
}

/** What is known of a letter besides. */
export interface LetterState {
  /** Address of its thumbnail, where it has come; empty where there is none. */
  readonly picture: string | undefined;
  /** Why it could not be replayed or discarded. */
  readonly refusal: string;
  /** Whether an answer is awaited. */
  readonly busy: boolean;
}

export function lettersPanel(
  { total, newest }: View["letters"],
  stateOf: (letter: Letter) => LetterState,
  actions: LetterActions,
): TemplateResult {
  const more = total - newest.length;
  return html`
    <h2 id="letters-heading" tabindex="-1">Dead letters</h2>
    <p class="hint">
      Jobs that were given up, kept with their images. Replay makes a new job of the images.
      ${more > 0 ? `${counted(more, "older one")} not shown.` : nothing}
    </p>
    ${total === 0 ? html`<p class="panel">There are none.</p>` : html`
      <ul class="letters">
        ${newest.map((letter) => item(letter, stateOf(letter), actions))}
      </ul>
    `}
  `;
}

function item(
  letter: Letter,
  state: LetterState,
  { replay, discard }: LetterActions,
): TemplateResult {
  const { id, model, reason, attempts, failedAt, images, bytes: size } = letter;
  const name = `letter ${id.slice(0, 10)}`;
  return html`
    <li class="panel letter" aria-busy=${String(state.busy)}>
      ${picture(state)}
      <div>
        <p class="reason">${sentence(reason)}</p>
        <p class="hint">
          ${model}, ${counted(attempts, "attempt")}, ${counted(images, "image")} of ${bytes(size)},
          given up <time datetime=${failedAt}>${when(failedAt)}</time>
        </p>
        <p class="hint"><code>${id}</code></p>
        ${state.refusal === "" ? nothing : html`<p class="refusal">${state.refusal}</p>`}
      </div>
      <div class="actions">
        <button type="button" class="button" aria-label=${`Replay ${name}`} ?disabled=${state.busy}
          @click=${() => replay(letter)}>Replay</button>
        <button type="button" class="button danger" aria-label=${`Discard ${name}`}
          ?disabled=${state.busy} @click=${() => discard(letter)}>Discard…</button>
      </div>
    </li>
  `;
}

function picture({ picture }: LetterState): TemplateResult {
  return picture === undefined || picture === ""
    ? html`<span class="thumbnail" aria-hidden="true">${
      picture === undefined ? "" : "no image"
    }</span>`
    : html`<img class="thumbnail" src=${picture} alt="" @error=${blank}>`;
}

/** It may be the image's fault that the job was given up. */
function blank({ currentTarget }: Event): void {
  (currentTarget as HTMLImageElement).classList.add("blank");
}

function when(time: string): string {
  const at = new Date(time);
  const today = at.toDateString() === new Date().toDateString();
  return today ? `at ${timeOfDay(at.getTime(), true)}` : `on ${at.toLocaleDateString("en")}`;
}
