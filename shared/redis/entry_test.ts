import fc from "fast-check";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { NewJob } from "../job.ts";
import { newJob } from "../testing/broker.ts";
import { jobEntry, parseEntry } from "./entry.ts";

const origin = { shard: 0, model: "shapes", lane: 0, entry: "1-1" };

/** An entry's fields as Redis gives them back. */
function fieldsOf(job: NewJob): Buffer[] {
  return jobEntry(job).map((field) => Buffer.from(field));
}

Deno.test("an entry is read back as it was written, its images to the byte", () => {
  const image = fc.uint8Array({ maxLength: 50 });
  const images = fc.array(image, { minLength: 1, maxLength: 5 });
  const version = fc.option(fc.nat().map(String), { nil: undefined });
  const top = fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined });
  const traceparent = fc.option(fc.string({ minLength: 1 }), { nil: undefined });
  fc.assert(fc.property(images, version, top, traceparent, (images, version, top, traceparent) => {
    const rest = {
      ...(version !== undefined && { version }),
      ...(top !== undefined && { top }),
      ...(traceparent !== undefined && { traceparent }),
    };
    const job = newJob({ images: images.map((bytes) => ({ bytes })), ...rest });
    const { images: read, ...delivery } = parseEntry(origin, fieldsOf(job))!;
    assert.deepEqual(read.map((bytes) => [...bytes]), images.map((bytes) => [...bytes]));
    const bytes = images.reduce((sum, { length }) => sum + length, 0);
    assert.deepEqual(delivery, { ...origin, ...rest, id: job.id, bytes });
  }));
});

Deno.test("an entry holds the image alone, not the memory around it, and no copy of it", () => {
  const memory = Uint8Array.of(1, 2, 3, 4, 5);
  const job = newJob({ images: [{ bytes: memory.subarray(1, 3) }] });
  const image = jobEntry(job).at(-1) as Buffer;
  assert.deepEqual([...image], [2, 3]);
  assert.equal(image.buffer, memory.buffer);
});

for (
  const [name, fields] of [
    ["no fields", []],
    ["no id", ["image", "x"]],
    ["no image", ["id", newJob().id]],
    ["an id of another form", ["id", "17", "image", "x"]],
  ] as const
) {
  Deno.test(`an entry with ${name} is none of ours`, () => {
    assert.equal(parseEntry(origin, fields.map((field) => Buffer.from(field))), undefined);
  });
}
