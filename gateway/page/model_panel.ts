/**
 * The model as it is seen: which it is, what it knows, and how to get one that knows more.
 *
 * @module
 */
import { html, nothing, type TemplateResult } from "lit-html";
import type { ModelCard } from "../../shared/model_card.ts";
import { counted, shapeInWords } from "./words.ts";

/** A model as `/v1/models` has it. */
export interface Model extends ModelCard {
  readonly readyWorkers: number;
}

/** Name of the model that comes with the project. */
const BUILTIN = "shapes";

/** So many classes are shown without being asked for. */
const LABELS_SHOWN_MAX = 20;

/** Whether a model knows nothing but the sample photos' kind. */
export function isBuiltin({ name }: Model): boolean {
  return name === BUILTIN;
}

/**
 * The panel.
 *
 * @param chosen one of `models`; undefined where there is none
 * @param trouble why no model is known
 */
export function modelPanel(
  { models, chosen, trouble, choose }: {
    readonly models: readonly Model[];
    readonly chosen: Model | undefined;
    readonly trouble: string;
    readonly choose: (name: string) => void;
  },
): TemplateResult {
  return html`
    <h2 id="model-heading">The model</h2>
    ${models.length > 1 ? choice(models, chosen, choose) : nothing}
    ${chosen === undefined ? html`<p role="status">${trouble}</p>` : about(chosen)}
  `;
}

function choice(
  models: readonly Model[],
  chosen: Model | undefined,
  choose: (name: string) => void,
): TemplateResult {
  return html`
    <label class="field">Answer with
      <select @change=${({ currentTarget }: Event) =>
        choose((currentTarget as HTMLSelectElement).value)}>
        ${models.map(({ name }) =>
          html`<option value=${name} ?selected=${name === chosen?.name}>${name}</option>`
        )}
      </select>
    </label>
  `;
}

function about(model: Model): TemplateResult {
  const { name, version, engine, input, output, labels, readyWorkers } = model;
  return html`
    <dl class="facts">
      <div>
        <dt>Name</dt>
        <dd>${name}, version ${version}</dd>
      </div>
      <div>
        <dt>Sees</dt>
        <dd>${input.width} × ${input.height} pixels</dd>
      </div>
      <div>
        <dt>Runs on</dt>
        <dd>${engine}, ${counted(readyWorkers, "ready worker")}</dd>
      </div>
    </dl>
    ${readyWorkers === 0
      ? html`<p class="notice">No worker is ready: photos wait in the queue until one is.</p>`
      : nothing}
    ${isBuiltin(model)
      ? html`<p>This is the built-in model. It knows ${labels.length} drawn shapes and nothing
          else:</p>`
      : nothing}
    ${output.kind === "classes" ? known(labels) : numbers(output)}
    ${isBuiltin(model) ? moreModels() : nothing}
  `;
}

function numbers({ kind, shape }: Model["output"]): TemplateResult {
  const as = kind === "embedding" ? ", an embedding: similar photos have similar numbers" : "";
  return html`<p>It knows no classes. It answers a photo with ${shapeInWords(shape)}${as}.</p>`;
}

function known(labels: readonly string[]): TemplateResult {
  const list = html`<ul class="chips">${labels.map((label) => html`<li>${label}</li>`)}</ul>`;
  if (labels.length <= LABELS_SHOWN_MAX) return list;
  return html`<details><summary>The ${labels.length} classes it knows</summary>${list}</details>`;
}

/** How to get a model that knows photos; the README has the section that it names. */
function moreModels(): TemplateResult {
  return html`
    <p>For photos of all kinds, put a model that was trained on ImageNet into a folder, as the README
      says under “Models”, and start with that folder:</p>
    <code class="block">WEIR_MODELS=FOLDER deno task start</code>
  `;
}
