/**
 * The gateway as pages ask it: with the API key, and with a sentence for whatever goes wrong.
 *
 * Owns the key, which stays in this tab: it outlives a reload and ends with the tab.
 * Events are read with `fetch`: an EventSource can neither send a key nor tell why it was refused.
 * Invariant: no call throws but for its signal; a fault is a value.
 *
 * @module
 */
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { sentence } from "./words.ts";

/** Why there is no answer. */
export interface Refusal {
  readonly ok: false;
  /** A sentence for people. */
  readonly reason: string;
  /** 0 where no gateway answered. */
  readonly status: number;
  /** Whether the same request may succeed later. */
  readonly passing: boolean;
}

export type Asked<T> = { readonly ok: true; readonly value: T } | Refusal;

/** What a client is made of; the browser has it. */
export interface ClientParts {
  /** Where the gateway is. */
  readonly base: string;
  readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  /** Is called where a key is missing, or is not known. */
  readonly keyWanted: () => void;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

const KEY = "weir.key";

/** The event that ends a job's stream is named by the state that the job keeps. */
const FINAL_EVENTS = new Set(["succeeded", "failed", "cancelled", "expired"]);

/** A stream that broke is opened again after this time, */
const RECONNECT_MS = 1_000;

/** so often at most without an event in between. */
const RECONNECTS_MAX = 10;

export class GatewayClient {
  readonly #parts: ClientParts;

  constructor(parts: ClientParts) {
    this.#parts = parts;
  }

  /** The API key; empty where there is none. */
  get key(): string {
    return this.#parts.storage.getItem(KEY) ?? "";
  }

  set key(key: string) {
    if (key === "") this.#parts.storage.removeItem(KEY);
    else this.#parts.storage.setItem(KEY, key);
  }

  /** The address of something. */
  url(path: string): string {
    return new URL(path, this.#parts.base).href;
  }

  /** Asks for JSON. */
  async ask<T>(path: string, init: RequestInit = {}): Promise<Asked<T>> {
    const answer = await this.#send(path, init);
    if (!answer.ok) return answer;
    try {
      return { ok: true, value: await answer.value.json() };
    } catch {
      init.signal?.throwIfAborted();
      return unreachable();
    }
  }

  /**
   * Follows a job until it is over, through broken connections.
   *
   * @param hear is told of each event once
   * @returns why there is no more to hear, where that is not the job's end
   */
  async follow(
    id: string,
    hear: (name: string, data: unknown) => void,
    signal: AbortSignal,
  ): Promise<Refusal | undefined> {
    let lastId = "";
    let over = false;
    let tries = 0;
    const onEvent = ({ id = "", event = "message", data }: EventSourceMessage) => {
      lastId = id;
      tries = 0;
      over = FINAL_EVENTS.has(event);
      hear(event, JSON.parse(data));
    };
    while (true) {
      const headers: HeadersInit = lastId === "" ? {} : { "Last-Event-ID": lastId };
      const refusal = await this.#read(`v1/jobs/${id}/events`, { headers, signal }, onEvent);
      if (over) return undefined;
      if (!refusal.passing || ++tries > RECONNECTS_MAX) return refusal;
      await this.#parts.pause(RECONNECT_MS, signal);
    }
  }

  /**
   * Reads a stream that has no end, through broken connections.
   *
   * @param broke is told why, each time before it is opened again
   * @returns why it cannot be read
   */
  async watch(
    path: string,
    hear: (name: string, data: unknown) => void,
    broke: (refusal: Refusal) => void,
    signal: AbortSignal,
  ): Promise<Refusal> {
    const onEvent = ({ event = "message", data }: EventSourceMessage) =>
      hear(event, JSON.parse(data));
    while (true) {
      const refusal = await this.#read(path, { signal }, onEvent);
      if (!refusal.passing || refusal.status === 401) return refusal;
      broke(refusal);
      await this.#parts.pause(RECONNECT_MS, signal);
    }
  }

  /** Asks for a picture, or whatever else is no JSON. */
  async fetch(path: string, signal: AbortSignal): Promise<Asked<Blob>> {
    const answer = await this.#send(path, { signal });
    if (!answer.ok) return answer;
    try {
      return { ok: true, value: await answer.value.blob() };
    } catch {
      signal.throwIfAborted();
      return unreachable();
    }
  }

  /** Asks for something to be done; gives why it was not. */
  async send(path: string, init: RequestInit): Promise<Refusal | undefined> {
    const answer = await this.#send(path, init);
    if (!answer.ok) return answer;
    await answer.value.body?.cancel();
    return undefined;
  }

  /** Reads a stream until it ends or breaks, and says why. */
  async #read(
    path: string,
    init: RequestInit,
    onEvent: (event: EventSourceMessage) => void,
  ): Promise<Refusal> {
    const answer = await this.#send(path, init);
    if (!answer.ok) return answer;
    const parser = createParser({ onEvent });
    const decoder = new TextDecoder();
    const reader = answer.value.body!.getReader();
    try {
      while (true) {
        const { value, done } = await reader.read();
        if (done) return unreachable();
        parser.feed(decoder.decode(value, { stream: true }));
      }
    } catch {
      init.signal?.throwIfAborted();
      return unreachable();
    }
  }

  async #send(path: string, init: RequestInit): Promise<Asked<Response>> {
    const headers = new Headers(init.headers);
    if (this.key !== "") headers.set("Authorization", `Bearer ${this.key}`);
    let response;
    try {
      response = await fetch(this.url(path), { ...init, headers });
    } catch {
      init.signal?.throwIfAborted();
      return unreachable();
    }
    if (response.status === 401) this.#parts.keyWanted();
    return response.ok ? { ok: true, value: response } : await refusalOf(response);
  }
}

function unreachable(): Refusal {
  const reason = "The gateway cannot be reached. Is it still running?";
  return { ok: false, reason, status: 0, passing: true };
}

/** What a problem document says. */
async function refusalOf(response: Response): Promise<Refusal> {
  const { status } = response;
  const problem = await response.json().catch(() => undefined);
  const detail = problem?.detail ?? `the gateway answered ${status} without a reason`;
  const passing = [401, 408, 429].includes(status) || status >= 500;
  return { ok: false, reason: sentence(detail), status, passing };
}
