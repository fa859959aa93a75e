import assert from "node:assert/strict";
import { type JobId, newJobId } from "../shared/job.ts";
import { ManualClock } from "../shared/testing/manual_clock.ts";
import { KEEP_MS, LetterImages } from "./letter_images.ts";

const IDS = Array.from({ length: 3 }, () => newJobId(0, () => crypto.randomUUID()));

/** Images of ten bytes, of which 25 are kept, with the ids that Redis was asked for. */
function openImages(image: (id: JobId) => Promise<Uint8Array | undefined>): {
  readonly images: LetterImages;
  readonly asked: JobId[];
  readonly clock: ManualClock;
} {
  const clock = new ManualClock();
  const asked: JobId[] = [];
  const firstImage = (id: JobId) => {
    asked.push(id);
    return image(id);
  };
  const images = new LetterImages({ letters: { firstImage }, clock, bytesMax: 25 });
  return { images, asked, clock };
}

const tenBytes = () => Promise.resolve(new Uint8Array(10));

Deno.test("twenty who look at an image cost one look", async () => {
  const { images, asked } = openImages(tenBytes);
  const all = await Promise.all(Array.from({ length: 20 }, () => images.read(IDS[0]!)));
  assert.deepEqual(all.map((bytes) => bytes?.length), Array(20).fill(10));
  await images.read(IDS[0]!);
  assert.equal(asked.length, 1);
});

Deno.test("copies are bounded in bytes and in time, and forgotten when the letter leaves", async () => {
  const { images, asked, clock } = openImages(tenBytes);
  for (const id of IDS) await images.read(id);
  await images.read(IDS[2]!);
  await images.read(IDS[0]!);
  assert.deepEqual(asked, [...IDS, IDS[0]]);
  images.forget(IDS[0]!);
  await images.read(IDS[0]!);
  assert.equal(asked.length, 5);
  clock.advance(KEEP_MS);
  await images.read(IDS[0]!);
  assert.equal(asked.length, 6);
});

Deno.test("what is not there, or cannot be read, is asked for again", async () => {
  let answer: Promise<Uint8Array | undefined> = Promise.resolve(undefined);
  const { images, asked } = openImages(() => answer);
  assert.equal(await images.read(IDS[0]!), undefined);
  answer = Promise.reject(new Error("away"));
  await assert.rejects(images.read(IDS[0]!), /away/);
  answer = tenBytes();
  assert.equal((await images.read(IDS[0]!))?.length, 10);
  assert.equal(asked.length, 3);
});
