/**
 * The page to try photos: what comes in, and where it is shown.
 *
 * Owns the photos' turns and their cards. What happens to one photo is `photo.ts`'s.
 *
 * @module
 */
import { html, nothing, render } from "lit-html";
import type { ExplanationView } from "../explain/explanation.ts";
import { KeyForm } from "./key_form.ts";
import { isBuiltin, type Model, modelPanel } from "./model_panel.ts";
import { pause } from "./pause.ts";
import { Photo } from "./photo.ts";
import { photoCard, type PhotoView } from "./photo_card.ts";
import { SAMPLES } from "./samples.ts";
import { answerInWords, counted } from "./words.ts";

/**
 * Photos on their way at once. Each may hold a connection for its events, and a browser opens six
 * to a host: one has to be left for cancelling, and some for another tab.
 */
const SENDING_MAX = 3;

/** What may come to be is looked for again after this time. */
const LOOK_MS = 3_000;

/** Where a photo is shown. */
interface Card {
  readonly element: HTMLLIElement;
  readonly picture: string;
  copyLabel: string;
  story: PhotoView["story"];
}

const byId = (id: string) => document.getElementById(id)!;

class UploadPage {
  readonly #key = new KeyForm(byId("key"), () => void this.learn());
  readonly #cards = new Map<Photo, Card>();
  readonly #waiting: Photo[] = [];
  #sending = 0;
  #models: readonly Model[] = [];
  #chosen = "";
  #learning = new AbortController();

  /** Finds out what is served, and goes on until a worker is ready. */
  async learn(): Promise<void> {
    this.#learning.abort();
    this.#learning = new AbortController();
    const { signal } = this.#learning;
    try {
      while (!await this.#learnOnce(signal)) await pause(LOOK_MS, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** @returns whether another look would tell no more */
  async #learnOnce(signal: AbortSignal): Promise<boolean> {
    const answer = await this.#key.client.ask<{ models: readonly Model[] }>("v1/models", {
      signal,
    });
    if (answer.ok) this.#models = answer.value.models;
    this.#key.show(answer.ok ? false : this.#key.wanted);
    if (answer.ok) this.#drawModel("No worker has offered a model yet.");
    else this.#drawModel(this.#key.wanted ? "It is shown only with an API key." : answer.reason);
    return answer.ok ? (this.#model?.readyWorkers ?? 0) > 0 : this.#key.wanted;
  }

  get #model(): Model | undefined {
    const named = this.#models.find(({ name }) => name === this.#chosen);
    return named ?? this.#models.find((model) => model.default) ?? this.#models[0];
  }

  /** Takes photos in, above those that are there. */
  add(files: readonly File[]): void {
    if (files.length === 0) return;
    byId("guide").hidden = true;
    const photos = files.map((file) => this.#newPhoto(file));
    byId("photos").prepend(...photos.map((photo) => this.#cards.get(photo)!.element));
    say(`${counted(files.length, "photo")} added`);
    photos.forEach((photo) => this.#enqueue(photo));
    void this.learn();
  }

  #newPhoto(file: File): Photo {
    const photo = new Photo(file, {
      client: this.#key.client,
      changed: () => {
        this.#draw(photo);
        announce(photo);
        const { over, job } = photo;
        // Why it failed may have to do with the workers.
        if (photo.retryable) void this.learn();
        if (over && job?.finishedAt) void this.#explain(photo, job.id);
      },
    });
    const element = document.createElement("li");
    element.className = "panel photo";
    element.tabIndex = -1;
    const picture = URL.createObjectURL(file);
    this.#cards.set(photo, { element, picture, copyLabel: "Copy", story: undefined });
    return photo;
  }

  #enqueue(photo: Photo): void {
    const model = this.#models.length > 1 ? `?model=${this.#model!.name}` : "";
    this.#cards.get(photo)!.story = undefined;
    photo.wait(this.#key.client.url(`v1/jobs${model}`));
    this.#waiting.push(photo);
    void this.#sendNext();
  }

  async #sendNext(): Promise<void> {
    if (this.#sending === SENDING_MAX) return;
    const photo = this.#waiting.shift();
    if (photo === undefined) return;
    this.#sending++;
    await photo.send();
    this.#sending--;
    void this.#sendNext();
  }

  #draw(photo: Photo): void {
    const card = this.#cards.get(photo)!;
    const { element } = card;
    const focused = element.contains(document.activeElement);
    const view = { ...card, keyed: this.#key.wanted || this.#key.client.key !== "" };
    render(
      photoCard(photo, view, {
        retry: () => this.#enqueue(photo),
        cancel: () => void photo.cancel(),
        copy: () => void this.#copy(photo),
      }),
      element,
    );
    // The button that had it may be gone.
    if (focused && !element.contains(document.activeElement)) element.focus();
  }

  async #copy(photo: Photo): Promise<void> {
    const card = this.#cards.get(photo)!;
    const line = card.element.querySelector("code")!;
    try {
      await navigator.clipboard.writeText(line.innerText);
      card.copyLabel = "Copied";
    } catch {
      // Without TLS and away from localhost a page may not write to the clipboard.
      getSelection()!.selectAllChildren(line);
      card.copyLabel = "Selected";
    }
    this.#draw(photo);
    say(card.copyLabel);
  }

  async #explain(photo: Photo, id: string): Promise<void> {
    const answer = await this.#key.client.ask<ExplanationView>(`v1/jobs/${id}/explain`);
    // It may be on its way again.
    if (photo.job?.id !== id) return;
    this.#cards.get(photo)!.story = answer.ok ? answer.value : answer.reason;
    this.#draw(photo);
  }

  #drawModel(trouble: string): void {
    const chosen = this.#model;
    const choose = (name: string) => {
      this.#chosen = name;
      this.#drawModel(trouble);
    };
    render(modelPanel({ models: this.#models, chosen, trouble, choose }), byId("model"));
    render(chosen !== undefined && isBuiltin(chosen) ? this.#samples() : nothing, byId("samples"));
  }

  #samples(): unknown {
    const take = async (name: string) => {
      const response = await fetch(`page/${name}`);
      this.add([new File([await response.blob()], name)]);
    };
    return html`
      <p id="samples-label"
        class="hint">The built-in model knows only drawn shapes. Try one of these:</p>
      <ul class="samples" aria-labelledby="samples-label">
        ${SAMPLES.map((name) =>
          html`<li><button type="button" @click=${() => void take(name)}>
            <img src=${`page/${name}`} alt=${name.split(".")[0]!}>
          </button></li>`
        )}
      </ul>
    `;
  }
}

/** Tells a screen reader what changed. */
function say(text: string): void {
  const line = document.createElement("p");
  line.textContent = text;
  byId("news").append(line);
}

/** Tells a screen reader how a photo ended. */
function announce({ file, over, phase, job, reason }: Photo): void {
  if (!over) return;
  const news = phase === "answered" ? answerInWords(job!.result!) : phase;
  say([`${file.name}: ${news}`, reason].filter((text) => text !== "").join(". "));
}

function listen(page: UploadPage): void {
  byId("files").addEventListener("change", ({ currentTarget }) => {
    const input = currentTarget as HTMLInputElement;
    page.add([...input.files!]);
    // Without this, choosing the same file again would go unnoticed.
    input.value = "";
  });
  addEventListener("dragover", (event) => {
    if (!event.dataTransfer!.types.includes("Files")) return;
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  addEventListener("dragleave", ({ relatedTarget }) => {
    if (relatedTarget === null) document.body.classList.remove("dragging");
  });
  addEventListener("drop", (event) => {
    document.body.classList.remove("dragging");
    const files = event.dataTransfer!.files;
    if (files.length === 0) return;
    event.preventDefault();
    page.add([...files]);
  });
  addEventListener("paste", ({ clipboardData }) => page.add([...clipboardData!.files]));
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void page.learn();
  });
}

const page = new UploadPage();
listen(page);
await page.learn();
