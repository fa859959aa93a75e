/**
 * Whoever sent a request, and what they may do.
 *
 * @module
 */
import type { JobRecord } from "../../shared/job.ts";
import type { ApiKey } from "./api_key.ts";

/** One request's sender. */
export class Caller {
  readonly #key: ApiKey | undefined;

  /** @param key whose request it is; absent where there are no keys: then anybody may all. */
  constructor(key?: ApiKey) {
    this.#key = key;
  }

  /** Name of the key: owner of the jobs that it submits. */
  get name(): string {
    return this.#key?.name ?? "";
  }

  get isAdmin(): boolean {
    return this.#key?.role !== "client";
  }

  mayUse(model: string): boolean {
    return this.#key?.models?.includes(model) ?? true;
  }

  /** Says whether a job is to be shown; to others it is as if it were not there. */
  owns({ owner }: JobRecord): boolean {
    return this.isAdmin || owner === this.name;
  }
}
