/**
 * The API key as it is asked for.
 *
 * @module
 */
import { html, nothing, type TemplateResult } from "lit-html";

/**
 * The form where a key is wanted, or a way to forget the one that is used.
 *
 * @param use is given a key; an empty one is to be forgotten
 */
export function keyForm(
  { wanted, key, use }: {
    readonly wanted: boolean;
    readonly key: string;
    readonly use: (key: string) => void;
  },
): TemplateResult | typeof nothing {
  if (wanted) return form(key, use);
  if (key === "") return nothing;
  return html`
    <p class="hint">
      Your API key is used, in this tab alone.
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
        ${key === "" ? "This gateway wants an API key" : "This API key is not known; another one"}
        <input name="key" type="password" autocomplete="off" pattern="\\s*[\\w.~+\\/\\-]+=*\\s*" required>
      </label>
      <p class="hint">It stays in this tab, and is forgotten when you close it.</p>
      <button type="submit" class="button primary">Use it</button>
    </form>
  `;
}
