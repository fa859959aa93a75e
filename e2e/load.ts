/**
 * Clients that ask again and again while something else happens, and keep what they are told.
 *
 * Invariant: stopping them fails where one request has not ended in an answer.
 *
 * @module
 */
import assert from "node:assert/strict";
import { systemClock } from "../shared/clock.ts";
import type { Answer } from "./client.ts";
import { until } from "./waiting.ts";

/** A client that was refused comes again a little later, unless it is told to be more patient. */
const REFUSED_PAUSE_MS = 20;

export class Load {
  /** What the clients were told so far, in the order of the answers. */
  readonly answers: Answer[] = [];
  readonly #stop = new AbortController();
  readonly #clients: Promise<unknown>;

  /**
   * Begins at once.
   *
   * @param clients how many ask at any moment
   */
  constructor(
    clients: number,
    ask: () => Promise<Answer>,
    { refusedPauseMs = REFUSED_PAUSE_MS } = {},
  ) {
    const client = async () => {
      while (!this.#stop.signal.aborted) {
        const answer = await ask();
        this.answers.push(answer);
        if (answer.status >= 400) await systemClock.sleep(refusedPauseMs, this.#stop.signal);
      }
    };
    this.#clients = Promise.all(Array.from({ length: clients }, client));
    // A client that gets no answer is told of by `stop`.
    this.#clients.catch(() => {});
  }

  /** Waits for so many more answers of a kind: `200`, or the code of a problem. */
  async more(count: number, kind: string): Promise<void> {
    const before = this.#count(kind);
    await until(`${count} more answers ${kind}`, () => {
      return Promise.resolve(this.#count(kind) >= before + count);
    });
  }

  #count(kind: string): number {
    return this.answers.filter((answer) => kindOf(answer) === kind).length;
  }

  /** Lets the clients end with what they wait for, and asserts that all were told one of these. */
  async stop(kinds: readonly string[]): Promise<void> {
    this.#stop.abort();
    await this.#clients;
    const other = this.answers.find((answer) => !kinds.includes(kindOf(answer)));
    assert.equal(other, undefined, JSON.stringify(other));
  }
}

/** What an answer says, in a word: the code of a problem, else the status. */
export function kindOf({ status, body }: Answer): string {
  return body.code ?? String(status);
}
