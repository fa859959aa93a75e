/**
 * The stories of jobs, for those who may see the jobs.
 *
 * @module
 */
import type { JobQueue } from "../../shared/broker.ts";
import type { Clock } from "../../shared/clock.ts";
import type { JobId } from "../../shared/job.ts";
import type { JobStory } from "../../shared/story.ts";
import { Deadlines } from "../deadlines.ts";
import type { Caller } from "../keys/caller.ts";

export interface StoriesParts {
  readonly queue: Pick<JobQueue, "story" | "conclude">;
  readonly clock: Clock;
}

export class Stories {
  readonly #queue: StoriesParts["queue"];
  readonly #deadlines: Deadlines;

  constructor(parts: StoriesParts) {
    this.#queue = parts.queue;
    this.#deadlines = new Deadlines(parts);
  }

  /**
   * A job's story; a job past its deadline is expired first.
   *
   * @returns undefined where there is none for this caller
   */
  async read(caller: Caller, id: JobId): Promise<JobStory | undefined> {
    const story = await this.#queue.story(id);
    if (story === undefined || !caller.owns(story.record)) return undefined;
    const current = await this.#deadlines.current(story.record);
    return current === story.record ? story : await this.#queue.story(id);
  }
}
