/**
 * Whoever sent a request: what they may do, and how much.
 *
 * Owns what one request has found out of its key's quota. Never looks at the request.
 *
 * @module
 */
import type { JobId, JobRecord } from "../../shared/job.ts";
import type { Quota, Quotas, QuotaState, QuotaUse } from "../../shared/quota.ts";
import { counted } from "../page/words.ts";
import type { Refusal } from "../problem.ts";
import type { ApiKey } from "./api_key.ts";

/** One request's sender. */
export class Caller {
  readonly #key: ApiKey | undefined;
  readonly #quotas: Quotas | undefined;
  #state: QuotaState | undefined;

  /** @param key whose request it is; absent where there are no keys: then anybody may all */
  constructor(key?: ApiKey, quotas?: Quotas) {
    this.#key = key;
    this.#quotas = quotas;
  }

  /** Name of the key: owner of the jobs that it submits. */
  get name(): string {
    return this.#key?.name ?? "";
  }

  get isAdmin(): boolean {
    return this.#key?.role !== "client";
  }

  get quota(): Quota | undefined {
    return this.#key?.quota;
  }

  /** What was used of the quota when this request took of it, if it did. */
  get quotaState(): QuotaState | undefined {
    return this.#state;
  }

  mayUse(model: string): boolean {
    return this.#key?.models?.includes(model) ?? true;
  }

  /** Says whether a job is to be shown; to others it is as if it were not there. */
  owns({ owner }: JobRecord): boolean {
    return this.isAdmin || owner === this.name;
  }

  /** Takes of the quota what a job needs, before it is submitted; a refusal takes nothing. */
  async take(use: QuotaUse): Promise<Refusal | undefined> {
    const { name, quota } = this;
    if (quota === undefined || this.#quotas === undefined) return undefined;
    const window = `in ${quota.windowMs / 1000} s`;
    const { bytesMax = Infinity } = quota;
    if (use.bytes > bytesMax) {
      const detail = `the API key's quota is ${bytesMax} bytes of images ${window}`;
      return { code: "payload_too_large", detail };
    }
    const { refused, state } = await this.#quotas.take(name, quota, use);
    this.#state = state;
    const spent = (what: string) => `the API key's quota is used up: ${what}`;
    switch (refused) {
      case undefined:
        return undefined;
      case "requests": {
        const detail = spent(`${counted(quota.requestsMax!, "request")} ${window}`);
        return { code: "rate_limited", detail, retryAfterMs: state.resetMs };
      }
      case "bytes": {
        const detail = spent(`${bytesMax} bytes of images ${window}`);
        return { code: "rate_limited", detail, retryAfterMs: state.resetMs };
      }
      case "jobs":
        return { code: "rate_limited", detail: spent(`${counted(quota.jobsMax!, "job")} at once`) };
    }
  }

  /** Says that a job was not queued after all: it is none of the jobs at once. */
  async release(id: JobId): Promise<void> {
    if (this.quota?.jobsMax !== undefined) await this.#quotas?.release(this.name, id);
  }
}
