/**
 * The dashboard: what the deployment is doing, as the gateway tells it.
 *
 * Owns the stream and what is done to dead letters. Asks for nothing by itself but their images:
 * the gateway tells all viewers what it read once.
 *
 * @module
 */
import { html, render } from "lit-html";
import type { Point, View } from "../dashboard/view.ts";
import { Chart } from "./chart.ts";
import { FIGURES } from "./figures.ts";
import type { Refusal } from "./gateway_client.ts";
import { Hour } from "./hour.ts";
import { KeyForm } from "./key_form.ts";
import { type Letter, lettersPanel, type LetterState } from "./letters_panel.ts";
import { details, tiles, troublesPanel } from "./overview_panels.ts";
import { sentence, timeOfDay } from "./words.ts";

const byId = (id: string) => document.getElementById(id)!;

/** Slots that the figures can show. */
const SPANS = [{ name: "15 minutes", slots: 90 }, { name: "1 hour", slots: 361 }] as const;

const NEW_LETTER: LetterState = { picture: undefined, refusal: "", busy: false };

class DashboardPage {
  readonly #key = new KeyForm(byId("key"), () => void this.watch());
  readonly #hour = new Hour();
  readonly #charts: Chart[] = [];
  readonly #letters = new Map<string, LetterState>();
  #view: View | undefined;
  #span: (typeof SPANS)[number] = SPANS[0];
  #watching = new AbortController();

  /** Watches until it is called again, or is refused. */
  async watch(): Promise<void> {
    this.#watching.abort();
    this.#watching = new AbortController();
    const { signal } = this.#watching;
    this.#key.show();
    try {
      const refusal = await this.#key.client.watch(
        "admin/dashboard",
        (name, data) => this.#hear(name, data),
        ({ reason }) => this.#lost(`${reason} Trying again…`),
        signal,
      );
      this.#refused(refusal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Draws with the colours that there are now. */
  repaint(): void {
    for (const chart of this.#charts) chart.repaint();
  }

  #hear(name: string, data: unknown): void {
    if (name === "points") this.#hour.add(data as readonly Point[]);
    if (name === "view") this.#show(data as View);
  }

  #show(view: View): void {
    this.#view = view;
    this.#hour.look(view);
    this.#connection("none", "Live");
    this.#key.show(false);
    byId("board").hidden = false;
    render(troublesPanel(view.troubles), byId("troubles"));
    render(tiles(view), byId("tiles"));
    render(details(view), byId("details"));
    this.#showHour(view.at);
    this.#forgetLetters(view);
    this.#drawLetters();
    for (const letter of view.letters.newest) void this.#picture(letter);
  }

  #showHour(at: number): void {
    if (this.#charts.length === 0) {
      const figures = FIGURES.map(() => document.createElement("figure"));
      for (const element of figures) element.className = "panel";
      byId("charts").append(...figures);
      FIGURES.forEach((figure, i) => this.#charts.push(new Chart(figure, figures[i]!)));
    }
    const slots = this.#hour.slots(at).slice(-this.#span.slots);
    for (const chart of this.#charts) chart.show(slots);
    const choose = (span: (typeof SPANS)[number]) => {
      this.#span = span;
      this.#showHour(this.#view!.at);
    };
    render(
      SPANS.map((span) =>
        html`
          <button type="button" class="button" aria-pressed=${String(span === this.#span)}
            @click=${() => choose(span)}>${span.name}</button>
        `
      ),
      byId("span"),
    );
  }

  #refused({ status, reason }: Refusal): void {
    this.#lost(
      status === 403
        ? "This API key may not see the dashboard. Use one with the role admin."
        : reason,
    );
    if (status === 403) this.#key.show(true);
  }

  /** What is shown stays, but whether it is still so is not known. */
  #lost(reason: string): void {
    this.#connection("fault", "Not live");
    const shown = this.#view && `What is shown is from ${timeOfDay(this.#view.at, true)}.`;
    const text = [reason, shown].filter((part) => part !== undefined).join(" ");
    render(troublesPanel([{ level: "fault", text }]), byId("troubles"));
  }

  #connection(level: "none" | "fault", text: string): void {
    render(html`<span class="badge" data-level=${level}>${text}</span>`, byId("connection"));
  }

  #drawLetters(): void {
    const stateOf = ({ id }: Letter) => this.#letters.get(id) ?? NEW_LETTER;
    const replay = (letter: Letter) =>
      this.#settle(letter, "replayed", { path: "/replay", method: "POST" });
    const discard = async (letter: Letter) => {
      if (await confirmed()) {
        await this.#settle(letter, "discarded", { path: "", method: "DELETE" });
      }
    };
    render(lettersPanel(this.#view!.letters, stateOf, { replay, discard }), byId("letters"));
  }

  /** Does something to a letter, which has then left: the gateway tells so. */
  async #settle(
    letter: Letter,
    done: string,
    { path, method }: { readonly path: string; readonly method: string },
  ): Promise<void> {
    this.#change(letter, { busy: true, refusal: "" });
    const refusal = await this.#key.client.send(`admin/dead/${letter.id}${path}`, { method });
    // Where it is gone, somebody else was quicker, which is told as well.
    if (refusal === undefined || refusal.status === 404) {
      say(`The dead letter was ${done}.`);
      byId("letters-heading").focus();
    } else {
      this.#change(letter, { busy: false, refusal: refusal.reason });
      say(refusal.reason);
    }
  }

  #change({ id }: Letter, change: Partial<LetterState>): void {
    this.#letters.set(id, { ...NEW_LETTER, ...this.#letters.get(id), ...change });
    this.#drawLetters();
  }

  async #picture(letter: Letter): Promise<void> {
    if (this.#letters.has(letter.id)) return;
    this.#letters.set(letter.id, NEW_LETTER);
    const { signal } = this.#watching;
    const found = await this.#key.client.fetch(`admin/dead/${letter.id}/image`, signal)
      .catch(() => undefined);
    this.#change(letter, { picture: found?.ok ? URL.createObjectURL(found.value) : "" });
  }

  #forgetLetters({ letters: { newest } }: View): void {
    for (const [id, { picture }] of this.#letters) {
      if (newest.some((letter) => letter.id === id)) continue;
      if (picture) URL.revokeObjectURL(picture);
      this.#letters.delete(id);
    }
  }
}

/** Asks before what cannot be undone. */
async function confirmed(): Promise<boolean> {
  const dialog = byId("confirmation") as HTMLDialogElement;
  dialog.returnValue = "";
  const closed = new Promise((resolve) =>
    dialog.addEventListener("close", resolve, { once: true })
  );
  dialog.showModal();
  await closed;
  return dialog.returnValue === "discard";
}

/** Tells a screen reader what happened. */
function say(text: string): void {
  const line = document.createElement("p");
  line.textContent = sentence(text);
  byId("news").append(line);
}

const page = new DashboardPage();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => page.repaint());
await page.watch();
