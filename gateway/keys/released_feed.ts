/**
 * A gateway's feed that also says, of jobs that have their outcome, that they are none of their
 * key's jobs at once any more.
 *
 * Every outcome of a job comes to the gateway that submitted it. Where one is missed, or that
 * gateway is gone, the job counts until its deadline.
 * Invariant: the feed goes on whatever becomes of the quotas.
 *
 * @module
 */
import type { FeedItem, ResultFeed } from "../../shared/broker.ts";
import { isFinal } from "../../shared/job.ts";
import type { Log } from "../../shared/log.ts";
import type { Quotas } from "../../shared/quota.ts";
import { jobFields } from "../../shared/traceparent.ts";
import type { KeyRing } from "./key_ring.ts";

export interface ReleasedFeedParts {
  readonly feed: ResultFeed;
  readonly keys: Pick<KeyRing, "named">;
  readonly quotas: Pick<Quotas, "release">;
  readonly log: Log;
}

export class ReleasedFeed implements ResultFeed {
  readonly #parts: ReleasedFeedParts;

  constructor(parts: ReleasedFeedParts) {
    this.#parts = parts;
  }

  async *items(signal: AbortSignal): AsyncIterable<FeedItem> {
    for await (const item of this.#parts.feed.items(signal)) {
      this.#release(item);
      yield item;
    }
  }

  #release(item: FeedItem): void {
    const { keys, quotas, log } = this.#parts;
    if (item.kind !== "event" || !isFinal(item.event.record.state)) return;
    const { id, record } = item.event;
    const { owner } = record;
    if (keys.named(owner)?.quota?.jobsMax === undefined) return;
    // Not waited for: whoever waits for the outcome shall not.
    quotas.release(owner, id).catch((error) => {
      const fields = { ...jobFields(record), error: String(error) };
      log.warn("job counts until its deadline", { ...fields, owner });
    });
  }
}
