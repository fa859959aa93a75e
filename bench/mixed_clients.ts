/**
 * Clients of every kind that Weir has, one after the other: photos, jobs that are followed, bursts
 * over a WebSocket, damaged images, clients that leave.
 *
 * Owns no connection beyond a call. Invariant: what is counted as right has been checked.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";
import { isRight, MODEL, type SamplePhoto } from "./sample_photos.ts";
import { SocketClient } from "./socket_client.ts";

/** How long a client that leaves stays. */
const STAY_MS = 5;
const BURST = 4;

export interface MixedClientsParts {
  readonly url: string;
  readonly photos: readonly SamplePhoto[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export class MixedClients {
  readonly #parts: MixedClientsParts;
  readonly #kinds: readonly (readonly [name: string, call: () => Promise<boolean>])[] = [
    ["photo", () => this.#predict()],
    ["job of two photos, followed", () => this.#follow()],
    ["photo", () => this.#predict()],
    ["burst over a WebSocket", () => this.#burst()],
    ["photo", () => this.#predict()],
    ["damaged photo", () => this.#damage()],
    ["photo, and the client leaves", () => this.#leave()],
  ];
  readonly #right = new Map<string, number>();
  readonly #wrong = new Map<string, number>();
  #next = 0;

  constructor(parts: MixedClientsParts) {
    this.#parts = parts;
  }

  /** One client of the next kind. */
  async call(): Promise<void> {
    const [name, call] = this.#kinds[this.#next++ % this.#kinds.length]!;
    const isRight = await call().catch(() => false);
    if (this.#parts.signal.aborted) return;
    const counts = isRight ? this.#right : this.#wrong;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }

  /** Calls by kind: how many were answered as they must be, and how many were not. */
  get counts(): (readonly [name: string, right: number, wrong: number])[] {
    return [...new Set(this.#kinds.map(([name]) => name))].map((
      name,
    ) => [name, this.#right.get(name) ?? 0, this.#wrong.get(name) ?? 0]);
  }

  /** Posts a photo. */
  async #predict(): Promise<boolean> {
    const photo = this.#photo();
    const response = await this.#post("/predict", photo.bytes);
    return isRight((await response.json()).predictions, photo);
  }

  /** Submits two photos as a job, and reads its events to the end. */
  async #follow(): Promise<boolean> {
    const { url, signal } = this.#parts;
    const photos = [this.#photo(), this.#photo()];
    const form = new FormData();
    for (const { name, bytes } of photos) form.append("image", new Blob([bytes]), name);
    const { id } = await (await this.#post("/v1/jobs", form)).json();
    const events = await (await fetch(`${url}/v1/jobs/${id}/events`, { signal })).text();
    const [, data] = /event: succeeded\nid: \d+\ndata: (.*)/.exec(events)!;
    const { result } = JSON.parse(data!);
    return photos.every((photo, i) => isRight(result.results[i].predictions, photo));
  }

  /** Sends a few photos over a WebSocket. */
  async #burst(): Promise<boolean> {
    const { url, clock } = this.#parts;
    const address = `${url.replace("http", "ws")}/v1/socket?model=${MODEL}`;
    using client = await SocketClient.connect(address, clock);
    const told = await client.burst(Array.from({ length: BURST }, () => this.#photo()));
    return told.every(({ fault }) => fault === undefined);
  }

  /** Posts half of a photo. */
  async #damage(): Promise<boolean> {
    const { bytes } = this.#photo();
    const response = await this.#post("/predict", bytes.subarray(0, bytes.length / 2));
    await response.body?.cancel();
    return response.status < 500;
  }

  /** Posts a photo, and leaves before the answer is there. */
  async #leave(): Promise<boolean> {
    const signal = AbortSignal.any([this.#parts.signal, AbortSignal.timeout(STAY_MS)]);
    await this.#post("/predict", this.#photo().bytes, signal)
      .then((response) => response.body?.cancel()).catch(() => {});
    return true;
  }

  #photo(): SamplePhoto {
    const { photos } = this.#parts;
    return photos[this.#next % photos.length]!;
  }

  #post(path: string, body: BodyInit, signal = this.#parts.signal): Promise<Response> {
    return fetch(`${this.#parts.url}${path}?model=${MODEL}`, { method: "POST", body, signal });
  }
}
