import fc from "fast-check";
import assert from "node:assert/strict";
import type { Delivery } from "../shared/broker.ts";
import { MODEL, testDelivery } from "./testing/jobs.ts";
import { laneKey } from "./shares.ts";
import { type Turn, Turns } from "./turns.ts";

const LANES = 8;
const ROOM = 64;
/** Times that the room is filled. */
const FILLS = 30;
const lanes = Array.from({ length: LANES }, (_, lane) => ({ model: MODEL, lane }));

function jobOf(lane: number, images = 1): Delivery {
  return testDelivery(Array.from({ length: images }, () => 0), { lane });
}

/** Streams without Redis. */
class Streams {
  readonly turns = new Turns(lanes);
  readonly #queues: Delivery[][] = lanes.map(() => []);

  add(...jobs: Delivery[]): void {
    for (const job of jobs) this.#queues[job.lane]!.push(job);
  }

  /** Takes one turn, as a consumer does that hands nothing back. */
  turn(room = ROOM): Turn & { readonly read: Delivery[] } {
    const turn = this.turns.next(room);
    const read = turn.lanes.flatMap(({ lane }) => this.#queues[lane]!.splice(0, turn.count));
    this.turns.note(turn, read);
    this.turns.share(read, Infinity);
    return { ...turn, read };
  }

  /** Takes turns until the room is filled, or there is nothing left to read. */
  fill(room = ROOM): Delivery[] {
    const read: Delivery[] = [];
    for (let left = room; left > 0; left = room - imagesOf(read)) {
      const turn = this.turn(left);
      read.push(...turn.read);
      if (turn.wait && turn.read.length === 0) break;
    }
    return read;
  }
}

function imagesOf(jobs: readonly Delivery[]): number {
  return jobs.reduce((sum, { images }) => sum + images.length, 0);
}

Deno.test("all lanes are waited for where none is known to have jobs", () => {
  const streams = new Streams();
  const { lanes: named, wait, count } = streams.turn();
  assert.deepEqual([named, wait, count], [lanes, true, ROOM / LANES]);
});

Deno.test("a job that comes alone is one turn, and the next one waits again", () => {
  const streams = new Streams();
  for (let i = 0; i < 5; i++) {
    streams.add(jobOf(i));
    const { wait, read } = streams.turn();
    assert.deepEqual([wait, read.length], [true, 1]);
  }
  assert(streams.turn().wait);
});

Deno.test("a lane that is alone gets all the room, in two turns", () => {
  const streams = new Streams();
  streams.add(...Array.from({ length: 1000 }, () => jobOf(3)));
  streams.fill();
  for (let i = 0; i < 5; i++) {
    const turns = [streams.turn(), streams.turn(ROOM)];
    assert.equal(Math.max(...turns.map(({ read }) => read.length)), ROOM);
    assert(turns.every(({ wait }) => !wait));
  }
});

Deno.test("a lane that has a job is named within two turns, whatever others have", () => {
  const streams = new Streams();
  streams.add(...Array.from({ length: 1000 }, () => jobOf(0)));
  streams.fill();
  for (let i = 0; i < 10; i++) {
    const quiet = jobOf(1 + i % (LANES - 1));
    streams.add(quiet);
    const read = [...streams.turn().read, ...streams.turn().read];
    assert(read.includes(quiet), `turn ${i}`);
  }
});

Deno.test("a lane of large jobs and one of small jobs get as many images each", () => {
  const streams = new Streams();
  streams.add(...Array.from({ length: 100 }, () => jobOf(0, 40)));
  streams.add(...Array.from({ length: 4000 }, () => jobOf(1)));
  const read = Array.from({ length: 20 }, () => streams.fill()).flat();
  const [large, small] = [0, 1].map((lane) => imagesOf(read.filter((job) => job.lane === lane)));
  assert(Math.abs(large! - small!) <= ROOM + 40, `${large} images and ${small}`);
});

Deno.test("lanes that have jobs all the while get as many images, whatever their jobs", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: LANES });
  fc.assert(fc.property(sizes, fc.integer({ min: 1, max: ROOM }), (sizes, room) => {
    const streams = new Streams();
    sizes.forEach((size, lane) => {
      const jobs = Math.ceil(FILLS * (room + 40) / size);
      streams.add(...Array.from({ length: jobs }, () => jobOf(lane, size)));
    });
    const read = Array.from({ length: FILLS }, () => streams.fill(room)).flat();
    const images = sizes.map((_, lane) => imagesOf(read.filter((job) => job.lane === lane)));
    const most = room + 2 * LANES * Math.max(...sizes);
    assert(Math.max(...images) - Math.min(...images) <= most, images.join(" "));
  }));
});

Deno.test("what is too much for the room is left from all lanes alike", () => {
  const turns = new Turns(lanes);
  const jobs = [
    ...Array.from({ length: 8 }, () => jobOf(0, 40)),
    ...Array.from({ length: 8 }, () => jobOf(1)),
  ];
  const kept = turns.share(jobs, 50);
  assert.deepEqual(Map.groupBy(kept, laneKey).get(`${MODEL} 0`), jobs.slice(0, 2));
  assert.deepEqual(Map.groupBy(kept, laneKey).get(`${MODEL} 1`), jobs.slice(8));
});

Deno.test("a lane has saved up nothing while it had no jobs", () => {
  const streams = new Streams();
  streams.add(...Array.from({ length: 2000 }, () => jobOf(0)));
  for (let i = 0; i < 10; i++) streams.fill();
  streams.add(...Array.from({ length: 2000 }, () => jobOf(1)));
  streams.fill();
  const read = Array.from({ length: 4 }, () => streams.fill()).flat();
  const [old, young] = [0, 1].map((lane) => read.filter((job) => job.lane === lane).length);
  assert(Math.abs(old! - young!) <= ROOM, `${old} and ${young}`);
});
