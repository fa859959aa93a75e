/**
 * A photo's way from the person to its classes: a job at the gateway.
 *
 * Owns the photo's phase. Never judges a photo, which is the gateway's, and knows no element.
 * Invariant: every photo ends with its classes, with having been cancelled, or with a sentence that
 * says why there are none.
 *
 * @module
 */
import type { JobView } from "../job_view.ts";
import type { GatewayClient, Refusal } from "./gateway_client.ts";
import { sentence } from "./words.ts";

/** Where a photo is; the last three are for good, unless it is tried again. */
export type Phase =
  | "waiting"
  | "sending"
  | "queued"
  | "running"
  | "answered"
  | "cancelled"
  | "failed";

export interface PhotoParts {
  readonly client: GatewayClient;
  /** Is told after every change. */
  readonly changed: (photo: Photo) => void;
}

export class Photo {
  readonly file: File;
  /** Where its job is made: known as soon as its turn is waited for. */
  url = "";
  phase: Phase = "waiting";
  /** What is known of its job, from when it is accepted. */
  job: JobView | undefined;
  /** Why it has no classes, or was not cancelled. */
  reason = "";
  /** Whether another try may end better. */
  retryable = false;
  readonly #parts: PhotoParts;
  #stop = new AbortController();

  constructor(file: File, parts: PhotoParts) {
    this.file = file;
    this.#parts = parts;
  }

  /** Whether nothing more will happen by itself. */
  get over(): boolean {
    return ["answered", "cancelled", "failed"].includes(this.phase);
  }

  /** Starts anew, at the back of the line. */
  wait(url: string): void {
    this.url = url;
    this.job = undefined;
    this.#stop = new AbortController();
    this.#enter("waiting");
  }

  /** Sends the photo and follows its job to the end. */
  async send(): Promise<void> {
    if (this.over) return;
    this.#enter("sending");
    const { signal } = this.#stop;
    try {
      const refusal = await this.#classify(signal);
      if (refusal !== undefined) this.#fail(refusal.reason, refusal.passing);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Gives up a photo that is not sent yet; asks the gateway to cancel the job of one that is. */
  async cancel(): Promise<void> {
    if (this.job === undefined) {
      this.#stop.abort();
      return this.#enter("cancelled");
    }
    const answer = await this.#parts.client.ask(`v1/jobs/${this.job.id}`, { method: "DELETE" });
    // Of what was cancelled, or had finished before, the events tell.
    if (answer.ok || answer.status === 409 || this.over) return;
    this.reason = `Not cancelled: ${answer.reason}`;
    this.#parts.changed(this);
  }

  async #classify(signal: AbortSignal): Promise<Refusal | undefined> {
    if (!await isReadable(this.file)) {
      return { ok: false, reason: "The file cannot be read.", status: 0, passing: false };
    }
    const body = new FormData();
    body.append("image", this.file);
    const { client } = this.#parts;
    const accepted = await client.ask<JobView>(this.url, { method: "POST", body, signal });
    if (!accepted.ok) return accepted;
    this.#hear(accepted.value);
    return await client.follow(accepted.value.id, (name, data) => {
      // The others say nothing that the end would not.
      if (name !== "prediction" && name !== "gap") this.#hear(data as JobView);
    }, signal);
  }

  #hear(job: JobView): void {
    this.job = job;
    switch (job.state) {
      case "queued":
      case "running":
      case "cancelled":
        return this.#enter(job.state);
      case "succeeded":
        return this.#enter("answered");
      case "expired":
        return this.#fail("Its deadline passed before a worker was done with it.", true);
      case "failed": {
        const { code, detail } = job.error!;
        return this.#fail(sentence(detail), code !== "undecodable_image");
      }
    }
  }

  #fail(reason: string, retryable: boolean): void {
    this.#enter("failed", reason, retryable);
  }

  #enter(phase: Phase, reason = "", retryable = false): void {
    this.phase = phase;
    this.reason = reason;
    this.retryable = retryable;
    this.#parts.changed(this);
  }
}

/** Says whether a file's bytes are there; those of a folder, or of a file removed since, are not. */
async function isReadable(file: File): Promise<boolean> {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
