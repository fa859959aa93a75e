import assert from "node:assert/strict";
import type { ReadEvent } from "../gateway/testing/event_text.ts";
import { connectionsNamed, monitor } from "../shared/testing/redis.ts";
import { assertSees, call, form, post } from "./client.ts";
import { connect, type Connection } from "./event_client.ts";
import { colourPicture } from "./pictures.ts";
import { until, within } from "./waiting.ts";
import { NOTE_COMMANDS, pausing, testWeir, type Weir } from "./weir.ts";

const IMAGES = 40;
const CLIENTS = 50;
const IDLE_CLIENTS = 300;
/** Blocked reads that a gateway ends while nothing happens. */
const IDLE_READS = 4;

/** So many pictures, each another than the ones before and after it. */
const PICTURES = await Promise.all(Array.from({ length: IMAGES }, (_, i) => {
  const rgb = [40, 40, 40].map((sample, channel) => channel === i % 3 ? 200 + i : sample);
  return colourPicture(rgb as [number, number, number]);
}));

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function submit({ url }: Weir, pictures = PICTURES): Promise<string> {
  const { status, body } = await post(
    `${url}/v1/jobs`,
    form(...pictures.map(({ bytes }) => bytes)),
    {
      "x-request-timeout-ms": "600000",
    },
  );
  assert.equal(status, 202, JSON.stringify(body));
  return body.id;
}

function shortOf(events: readonly ReadEvent[]): string[] {
  return events.map(({ name, id, data }) => `${id} ${name} ${data.index ?? ""}`.trim());
}

function wholeOf(images: number, outcome: string): string[] {
  const predictions = Array.from({ length: images }, (_, i) => `${i + 2} prediction ${i}`);
  return ["0 queued", "1 running", ...predictions, `${images + 2} ${outcome}`];
}

function assertQuiet({ gateways }: Weir): void {
  const loud = gateways.flatMap(({ lines }) => lines).filter((line) => /WARN|ERROR/.test(line));
  assert.deepEqual(loud, []);
}

testWeir(
  `${CLIENTS} clients that join one job of ${IMAGES} images at any moment, and lose connections, are told the same`,
  { gateways: 2, env: { WEIR_BATCH_MAX: "1" } },
  async (weir) => {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
    const random = randomOf(seed);
    const gateway = () => weir.urls[Math.floor(random() * 2)]!;
    const following: Promise<ReadEvent[]>[] = [];

    /** Reads to the end; who is unlucky loses the connection after some events, again and again. */
    const follow = async (
      first: Connection,
      unlucky: boolean,
      id: string,
    ): Promise<ReadEvent[]> => {
      const known: ReadEvent[] = [];
      for (let connection: Connection | undefined = first; connection !== undefined;) {
        await using open: Connection = connection;
        const patience = unlucky ? 1 + Math.floor(random() * IMAGES / 3) : Infinity;
        for (let read = 0; read < patience; read++) {
          const event = await open.next();
          if (event === undefined) break;
          known.push(event);
        }
        connection = await connect(gateway(), id, known.at(-1));
      }
      return known;
    };
    const join = async (id: string, clients: number): Promise<void> => {
      const joined = Array.from({ length: clients }, () => connect(gateway(), id));
      for (const connection of await Promise.all(joined)) {
        following.push(follow(connection!, following.length % 2 === 1, id));
      }
    };

    // How many join when the first client has been told of how many events.
    const moments = Array.from({ length: CLIENTS }, () => Math.floor(random() * (IMAGES + 5)));
    const joiningAt = (told: number) => moments.filter((moment) => moment === told).length;
    const id = await pausing(weir, async () => {
      const id = await submit(weir);
      await join(id, joiningAt(0));
      return id;
    });
    await using leader = (await connect(weir.url, id))!;
    const whole: ReadEvent[] = [];
    for (let event = await leader.next(); event !== undefined; event = await leader.next()) {
      whole.push(event);
      const clients = joiningAt(whole.length);
      // A worker that stands still: whoever joins now does so in the middle of the job.
      if (clients > 0) await pausing(weir, () => join(id, clients));
    }
    await join(id, CLIENTS - following.length);

    assert.deepEqual(shortOf(whole), wholeOf(IMAGES, "succeeded"));
    for (const { name, data } of whole) {
      if (name === "prediction") assertSees(data.predictions, PICTURES[data.index]!);
    }
    assert.deepEqual(whole.at(-1)!.data, (await call(`${weir.url}/v1/jobs/${id}`)).body);
    assert.equal(following.length, CLIENTS);
    for (const known of await within(Promise.all(following), "all are told to the end")) {
      assert.deepEqual(known, whole, `seed ${seed}`);
    }
    assertQuiet(weir);
    await weir.assertEmpty();
  },
);

testWeir("an EventSource is told of a job and stops when it is over", {}, async (weir) => {
  const id = await pausing(weir, () => submit(weir, PICTURES.slice(0, 2)));
  const source = new EventSource(`${weir.url}/v1/jobs/${id}/events`);
  const told: string[] = [];
  for (const name of ["queued", "running", "prediction", "gap", "succeeded", "message"]) {
    source.addEventListener(name, ({ lastEventId }) => told.push(`${lastEventId} ${name}`));
  }
  let connections = 0;
  source.addEventListener("open", () => connections++);
  const closed = Promise.withResolvers<void>();
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) closed.resolve();
  });
  await within(closed.promise, "the source is closed");
  assert.deepEqual(told, [
    "0 queued",
    "1 running",
    "2 prediction",
    "3 prediction",
    "4 succeeded",
  ]);
  assert.equal(connections, 1);
});

testWeir(
  "clients of a gateway that stops, and of one that is killed, go on at another",
  { gateways: 3 },
  async (weir) => {
    const { gateways: [stopping, dying], urls: [first, second, third] } = weir;
    await pausing(weir, async () => {
      const id = await submit(weir, PICTURES.slice(0, 3));
      await using stopped = (await connect(first!, id))!;
      await using cut = (await connect(second!, id))!;
      const known = await stopped.next();
      assert.deepEqual(await cut.next(), known);
      stopping!.kill("SIGTERM");
      assert.equal(await stopping!.code(), 0);
      assert.equal(await stopped.next(), undefined);
      dying!.kill("SIGKILL");
      await assert.rejects(async () => await cut.next());
      await using resumed = (await connect(third!, id, known))!;
      weir.workers[0]!.kill("SIGCONT");
      assert.deepEqual(shortOf([known!, ...await resumed.rest()]), wholeOf(3, "succeeded"));
    });
    // What has gone can not be asked to drain.
    stopping!.killed = true;
  },
);

testWeir("a job that cannot be done tells those who follow it why", {}, async (weir) => {
  const { url } = weir;
  const { bytes } = PICTURES[0]!;
  const damaged = { ...PICTURES[0]!, bytes: bytes.slice(0, bytes.length - 30) };
  const id = await pausing(weir, () => submit(weir, [PICTURES[0]!, damaged]));
  await using connection = (await connect(url, id))!;
  const events = await connection.rest();
  assert.deepEqual(shortOf(events), ["0 queued", "1 running", "4 failed"]);
  assert.equal(events.at(-1)!.data.error.code, "undecodable_image");
});

testWeir(
  `${IDLE_CLIENTS} idle clients cost Redis nothing, and are told within moments`,
  { env: { WEIR_BLOCK_MS: "500" } },
  async (weir) => {
    const { url, redis: { client } } = weir;
    await post(`${url}/predict`, PICTURES[0]!.bytes);
    await pausing(weir, async () => {
      const id = await submit(weir, PICTURES.slice(0, 2));
      const connections = await Promise.all(
        Array.from({ length: IDLE_CLIENTS }, async () => (await connect(url, id))!),
      );
      const { body: metrics } = await call(`${url}/metrics`);
      assert.match(metrics, new RegExp(`^weir_sse_clients ${IDLE_CLIENTS}$`, "m"));
      const gateways = new Set(
        (await connectionsNamed(client, /^weir:gateway:/)).map(({ addr }) => addr!),
      );
      {
        using kept = await monitor(client);
        const reads = () => kept.commands.filter(({ name }) => name === "xread").length;
        await until(`${IDLE_READS} blocked reads`, () => Promise.resolve(reads() >= IDLE_READS));
        const names = kept.commands.filter(({ source }) => gateways.has(source))
          .map(({ name }) => name);
        // Besides, whoever waits, the gateway may note how the jobs fare.
        const others = names.filter((name) => name !== "xread");
        assert(others.length <= NOTE_COMMANDS, others.join(" "));
      }
      weir.workers[0]!.kill("SIGCONT");
      for (const connection of connections) {
        assert.deepEqual(shortOf(await connection.rest()), wholeOf(2, "succeeded"));
      }
    });
    assertQuiet(weir);
  },
);
