/**
 * The API key of a page: where it is asked for, and the client that sends it.
 *
 * @module
 */
import { html, nothing, render, type TemplateResult } from "lit-html";
import { GatewayClient } from "./gateway_client.ts";
import { pause } from "./pause.ts";

/** Owns whether a key is wanted. The key itself is the client's, in this tab alone. */
export class KeyForm {
  readonly client: GatewayClient;
  readonly #place: HTMLElement;
  readonly #used: () => void;
  #wanted = false;

  /**
   * @param place what it is drawn into
   * @param used is called once another key is there, or none
   */
  constructor(place: HTMLElement, used: () => void) {
    this.#place = place;
    this.#used = used;
    this.client = new GatewayClient({
      base: document.baseURI,
      storage: sessionStorage,
      pause,
      keyWanted: () => this.show(true),
    });
  }

  /** Whether the gateway asked for a key, or for another one. */
  get wanted(): boolean {
    return this.#wanted;
  }

  /** The form where a key is wanted, or a way to forget the one that is used. */
  show(wanted = this.#wanted): void {
    this.#wanted = wanted;
    const use = (key: string) => {
      this.client.key = key;
      this.#wanted = false;
      this.#used();
    };
    const { key } = this.client;
    render(wanted ? form(key, use) : forgetting(key, use), this.#place);
  }
}

function forgetting(key: string, use: (key: string) => void): TemplateResult | typeof nothing {
  if (key === "") return nothing;
  return html`
    <p class="hint">
      Your API key is used in this tab only.
      <button type="button" class="button" @click=${() => use("")}>Forget it</button>
    </p>
  `;
}

function form(key: string, use: (key: string) => void): TemplateResult {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const { elements } = event.currentTarget as HTMLFormElement;
    use((elements.namedItem("key") as HTMLInputElement).value.trim());
  };
  return html`
    <form class="panel" @submit=${submit}>
      <label class="field">
        ${key === ""
          ? "This gateway needs an API key"
          : "This API key is not known; enter another one"}
        <input name="key" type="password" autocomplete="off" pattern="\\s*[\\w.~+\\/\\-]+=*\\s*" required>
      </label>
      <p class="hint">It stays in this tab, and is forgotten when you close it.</p>
      <button type="submit" class="button primary">Use it</button>
    </form>
  `;
}
