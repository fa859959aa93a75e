/**
 * Server-Sent Events as the gateway writes them, read back strictly.
 *
 * @module
 */
import assert from "node:assert/strict";

/** An event as a client reads it, its data being JSON. */
export interface ReadEvent {
  readonly name: string;
  readonly id: number;
  // deno-lint-ignore no-explicit-any -- whatever the other side sends
  readonly data: any;
}

const EVENT = /^event: (\w+)\nid: (\d+)\ndata: (.*)$/;

/** Reads whole events of a text; the rest of it is the beginning of the next one. */
function readEvents(text: string): { readonly events: ReadEvent[]; readonly rest: string } {
  const blocks = text.split("\n\n");
  const rest = blocks.pop()!;
  const events: ReadEvent[] = [];
  for (const block of blocks) {
    if (block === ":" || /^retry: \d+$/.test(block)) continue;
    const [, name, id, data] = EVENT.exec(block) ?? assert.fail(`no event: ${block}`);
    events.push({ name: name!, id: Number(id), data: JSON.parse(data!) });
  }
  return { events, rest };
}

/** Yields the events of a stream, each as it comes. */
export async function* eventsOfStream(
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
): AsyncGenerator<ReadEvent> {
  assert(body);
  let text = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const { events, rest } = readEvents(text + chunk);
    text = rest;
    yield* events;
  }
  assert.equal(text, "", "the stream ends with a whole event");
}
