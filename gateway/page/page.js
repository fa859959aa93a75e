/**
 * The upload page: photos in, their classes out.
 *
 * Owns what happens between a person and `POST /predict`. Never judges a photo: the gateway does.
 * Invariant: every photo ends with its classes or with a sentence that says why there are none.
 *
 * @module
 */

/** Photos on their way at once; the others wait, so that the time shown is that of the answer. */
const SENDING_MAX = 4;

/** Name of the model that comes with the project. */
const BUILTIN_MODEL = "shapes";

const PERCENT = new Intl.NumberFormat("en", {
  style: "percent",
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

const byId = (id) => document.getElementById(id);

/** Makes an element of a template. */
const instance = (id) => byId(id).content.firstElementChild.cloneNode(true);

/** The API key, where one was asked for; the next load of the page does not know it any more. */
let key = "";

/**
 * Asks the gateway.
 *
 * @returns its JSON as `value`; or the fault, with `passing` where the same request may succeed later
 */
async function ask(url, init) {
  let response;
  try {
    response = await fetch(url, {
      ...init,
      headers: key ? { authorization: `Bearer ${key}` } : {},
    });
  } catch {
    const detail = "the gateway cannot be reached, is it still running?";
    return { ok: false, detail, passing: true };
  }
  const value = await response.json().catch(() => undefined);
  if (response.ok && value !== undefined) return { ok: true, value };
  if (response.status === 401) byId("key").hidden = false;
  return {
    ok: false,
    detail: value?.detail ?? `the gateway answered ${response.status} without a reason`,
    passing: [401, 429].includes(response.status) || response.status >= 500,
  };
}

/** Tells a screen reader what changed. */
function say(text) {
  const line = document.createElement("p");
  line.textContent = text;
  byId("news").append(line);
}

/** A photo and its card. */
class Photo {
  card = instance("photo");
  #file;
  #url;

  constructor(file, onRetry) {
    this.#file = file;
    this.#find(".name").textContent = file.name;
    this.#find(".copy").addEventListener("click", () => this.#copy());
    this.#find(".retry").addEventListener("click", () => {
      this.card.focus(); // The button is about to vanish.
      onRetry();
    });
    this.#preview();
  }

  /** Settles what will be asked, and shows that the photo's turn has not come. */
  wait() {
    this.#url = predictUrl();
    this.#find(".command code").textContent = curl(this.#file.name, this.#url);
    this.#show("waiting", "Waiting");
  }

  /** Sends the photo and shows the answer. */
  async send() {
    this.#show("sending", "Sending…");
    const body = new FormData();
    body.append("image", this.#file);
    const sentAt = performance.now();
    const answer = await isReadable(this.#file)
      ? await ask(this.#url, { method: "POST", body })
      : { ok: false, detail: "the file cannot be read", passing: false };
    if (answer.ok) this.#answered(answer.value.predictions, performance.now() - sentAt);
    else this.#failed(answer);
  }

  #answered(predictions, tookMs) {
    this.#find(".bars").replaceChildren(...predictions.map(bar));
    this.#show("answered", `Answered in ${duration(tookMs)}`);
    const [best] = predictions;
    const news = best ? `${best.label}, ${percent(best.probability)}` : "no classes";
    say(`${this.#file.name}: ${news}`);
  }

  #failed({ detail, passing }) {
    this.#show("failed", `Not classified: ${detail}`);
    this.#find(".retry").hidden = !passing;
    say(`${this.#file.name}: not classified: ${detail}`);
  }

  #show(state, text) {
    this.card.dataset.state = state;
    this.#find(".state").textContent = text;
    this.#find(".retry").hidden = true;
  }

  #preview() {
    const image = this.#find(".thumbnail");
    const url = URL.createObjectURL(this.#file);
    image.addEventListener("load", () => URL.revokeObjectURL(url));
    image.addEventListener("error", () => {
      URL.revokeObjectURL(url);
      const blank = document.createElement("div");
      blank.className = image.className;
      image.replaceWith(blank);
    });
    image.src = url;
  }

  async #copy() {
    const line = this.#find(".command code");
    const button = this.#find(".copy");
    try {
      await navigator.clipboard.writeText(line.textContent);
      button.textContent = "Copied";
    } catch {
      // Without TLS and away from localhost a page may not write to the clipboard.
      getSelection().selectAllChildren(line);
      button.textContent = "Selected";
    }
    say(button.textContent);
  }

  #find(selector) {
    return this.card.querySelector(selector);
  }
}

/** Says whether a file's bytes are there; those of a folder, or of a file removed since, are not. */
async function isReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** A class with its probability, as a row with a bar. */
function bar({ label, probability }) {
  const row = instance("bar");
  row.querySelector(".label").textContent = label;
  row.querySelector(".percent").textContent = percent(probability);
  row.querySelector(".share").style.inlineSize = `${probability * 100}%`;
  return row;
}

/** A probability in words; what would be rounded to nothing is said to be small. */
function percent(probability) {
  return probability > 0 && probability < 0.0005 ? "<0.1%" : PERCENT.format(probability);
}

function duration(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Where photos go: with a model's name where there is a choice. */
function predictUrl() {
  const url = new URL("predict", document.baseURI);
  const model = byId("model").value;
  if (model !== "") url.searchParams.set("model", model);
  return url.href;
}

/** The request for a photo as a line for a POSIX shell. */
function curl(name, url) {
  // Inside a form field, curl takes `;` and `,` of a bare name for its own.
  const path = /^[\w.-]+$/.test(name) ? name : `"${name.replace(/[\\"]/g, "\\$&")}"`;
  const header = key && '-H "Authorization: Bearer $WEIR_API_KEY" ';
  return `curl ${header}-F ${quoted(`image=@${path}`)} ${quoted(url)}`;
}

/** A word as a POSIX shell reads it back. */
function quoted(word) {
  return /^[\w@%+=:./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

const waiting = [];
let sending = 0;

/** Takes photos in, above those that are there. */
function add(files) {
  if (files.length === 0) return;
  const photos = Array.from(files, (file) => {
    const photo = new Photo(file, () => enqueue(photo));
    return photo;
  });
  byId("photos").prepend(...photos.map(({ card }) => card));
  say(photos.length === 1 ? "Sending 1 photo" : `Sending ${photos.length} photos`);
  photos.forEach(enqueue);
}

function enqueue(photo) {
  photo.wait();
  waiting.push(photo);
  sendNext();
}

async function sendNext() {
  if (sending === SENDING_MAX || waiting.length === 0) return;
  sending++;
  await waiting.shift().send();
  sending--;
  sendNext();
}

async function showModels() {
  const answer = await ask("v1/models");
  if (!answer.ok) {
    byId("model-line").textContent = `The models are not known: ${answer.detail}`;
    return;
  }
  const { models } = answer.value;
  const standard = models.find((model) => model.default);
  byId("builtin").hidden = standard?.name !== BUILTIN_MODEL;
  if (models.length > 1) {
    const select = byId("model");
    select.replaceChildren(
      ...models.map(({ name }) => new Option(name, name, false, name === standard?.name)),
    );
    select.onchange = () => describe(models[select.selectedIndex]);
    byId("choice").hidden = false;
  }
  describe(standard ?? models[0]);
}

/** Shows what a model is and knows. */
function describe(model) {
  if (model === undefined) {
    byId("model-line").textContent = "No worker serves a model yet; reload in a moment.";
    return;
  }
  const { name, version, engine, input, labels, readyWorkers } = model;
  const workers = readyWorkers === 1 ? "1 worker" : `${readyWorkers} workers`;
  byId("model-line").textContent =
    `${name}, version ${version}: sees ${input.width} × ${input.height} ` +
    `pixels, runs on ${engine} in ${workers}`;
  const classes = byId("classes");
  classes.querySelector("summary").textContent = `The ${labels.length} classes it knows`;
  classes.querySelector("ul").replaceChildren(...labels.map((label) => {
    const item = document.createElement("li");
    item.textContent = label;
    return item;
  }));
  classes.hidden = false;
}

byId("key").addEventListener("submit", (event) => {
  event.preventDefault();
  key = event.target.querySelector("input").value.trim();
  event.target.hidden = true;
  showModels();
});

byId("files").addEventListener("change", ({ target }) => {
  add(target.files);
  // Without this, choosing the same file again would go unnoticed.
  target.value = "";
});

addEventListener("dragover", (event) => {
  if (!event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  document.body.classList.add("dragging");
});
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) document.body.classList.remove("dragging");
});
addEventListener("drop", (event) => {
  document.body.classList.remove("dragging");
  if (event.dataTransfer.files.length === 0) return;
  event.preventDefault();
  add(event.dataTransfer.files);
});
addEventListener("paste", ({ clipboardData }) => add(clipboardData.files));

showModels();
