/**
 * A client that reads a job's events over HTTP, and may lose its connection.
 *
 * @module
 */
import assert from "node:assert/strict";
import { eventsOfStream, type ReadEvent } from "../gateway/testing/event_text.ts";

export interface Connection extends AsyncDisposable {
  /** The next event; undefined when the stream has ended. */
  next(): Promise<ReadEvent | undefined>;
  /** All events to the end of the stream. */
  rest(): Promise<ReadEvent[]>;
}

/**
 * Connects to a job's events.
 *
 * @param after the last event that the client knows
 * @returns undefined where there will be no other event
 */
export async function connect(
  gateway: string,
  id: string,
  after?: ReadEvent,
): Promise<Connection | undefined> {
  const leaving = new AbortController();
  const response = await fetch(`${gateway}/v1/jobs/${id}/events`, {
    headers: after === undefined ? {} : { "last-event-id": String(after.id) },
    signal: leaving.signal,
  });
  if (response.status === 204) return undefined;
  assert.equal(response.status, 200, String(response.status));
  const events = eventsOfStream(response.body);
  return {
    next: async () => (await events.next()).value,
    rest: () => Array.fromAsync(events),
    [Symbol.asyncDispose]: async () => {
      leaving.abort();
      // What has come before is read, so that the connection is known to be closed.
      await Array.fromAsync(events).catch(() => {});
    },
  };
}
