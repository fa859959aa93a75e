/**
 * The dashboard, put together: who notes what happens, and who shows it.
 *
 * @module
 */
import type { Admission, FeedItem, ResultFeed } from "../../shared/broker.ts";
import type { Clock } from "../../shared/clock.ts";
import type { DeadLetters } from "../../shared/dead_letter.ts";
import type { History } from "../../shared/history.ts";
import type { JobId } from "../../shared/job.ts";
import type { Log } from "../../shared/log.ts";
import type { Overviews } from "../../shared/overview.ts";
import { LetterImages } from "../letter_images.ts";
import { Dashboard } from "./dashboard.ts";
import type { Recorder } from "./recorder.ts";

export interface WatchParts {
  readonly recorder: Recorder;
  readonly overviews: Overviews;
  readonly history: History;
  readonly letters: DeadLetters;
  readonly admission: Admission;
  /** This gateway's name. */
  readonly gateway: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** What watches a deployment from a gateway. */
export interface Watch {
  readonly dashboard: Dashboard;
  readonly letterImages: LetterImages;
  /** Is told when a dead letter has left. */
  readonly onLetterLeft: (id: JobId) => void;
  /** A feed as it is, of which outcomes are noted. */
  readonly noting: (feed: ResultFeed) => ResultFeed;
}

export function openWatch(parts: WatchParts): Watch {
  const { recorder, letters, admission: { jobsMax, bytesMax }, clock, log } = parts;
  const dashboard = new Dashboard({ ...parts, limits: { jobs: jobsMax, bytes: bytesMax } });
  const letterImages = new LetterImages({ letters, clock });
  return {
    dashboard,
    letterImages,
    onLetterLeft: (id) => {
      letterImages.forget(id);
      // Who did it waits for the answer of that, not for this.
      dashboard.refresh().catch((error) =>
        log.warn("dashboard cannot be updated", { error: String(error) })
      );
    },
    noting: (feed) => notingFeed(feed, recorder),
  };
}

/** Each outcome is noted by the gateway that took the job in, and so by one of all. */
function notingFeed(feed: ResultFeed, recorder: Recorder): ResultFeed {
  return {
    async *items(signal): AsyncIterable<FeedItem> {
      for await (const item of feed.items(signal)) {
        if (item.kind === "event" && item.ours) recorder.ended(item.event.record);
        yield item;
      }
    },
  };
}
