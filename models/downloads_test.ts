import assert from "node:assert/strict";
import { type Clock, systemClock } from "../shared/clock.ts";
import { ModelError } from "../worker/models/model_error.ts";
import { Downloads, type OnBytes } from "./downloads.ts";
import { FileServer, type ServedFile, servedFile } from "./testing/file_server.ts";

const BYTES = crypto.getRandomValues(new Uint8Array(60_000));
const OTHERS = crypto.getRandomValues(new Uint8Array(60_000));

/** A server with one file, and a folder for downloads. */
class Place implements AsyncDisposable {
  readonly server = new FileServer();
  readonly folder = Deno.makeTempDirSync({ prefix: "weir-downloads-" });
  readonly url = this.server.url("/file");

  constructor(file: ServedFile = servedFile(BYTES)) {
    this.server.files.set("/file", file);
  }

  /** Downloads as a new process would. */
  async get(
    { url = this.url, bytesMax = 1e6, clock = systemClock, signal, onBytes = () => {} }: {
      readonly url?: URL;
      readonly bytesMax?: number;
      readonly clock?: Pick<Clock, "after">;
      readonly signal?: AbortSignal;
      readonly onBytes?: OnBytes;
    } = {},
  ): Promise<Uint8Array> {
    const { folder } = this;
    const downloads = new Downloads({
      folder,
      clock,
      signal: signal ?? new AbortController().signal,
    });
    return await Deno.readFile(await downloads.get(url, { bytesMax, onBytes }));
  }

  async fails(state: RegExp, options: Parameters<Place["get"]>[0] = {}): Promise<void> {
    await assert.rejects(this.get(options), (error: Error) => {
      assert(error instanceof ModelError, String(error));
      assert(error.message.startsWith(`cannot download "http://`), error.message);
      assert.match(error.message, state);
      return true;
    });
  }

  /** Names of what is kept. */
  async kept(): Promise<string[]> {
    return await Array.fromAsync(Deno.readDir(this.folder), ({ name }) => name);
  }

  /** What the last request asked with. */
  asked(header: string): string | null {
    return this.server.asked.at(-1)!.headers.get(header);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Compared as a whole: a difference in 60,000 bytes says nothing. */
function assertSame(actual: Uint8Array, expected: Uint8Array): void {
  assert.equal(actual.toHex() === expected.toHex(), true);
}

Deno.test("a download shows how far it is, and asks for bytes as they are", async () => {
  await using place = new Place();
  const shown: [number, number | undefined][] = [];
  assertSame(await place.get({ onBytes: (...bytes) => shown.push(bytes) }), BYTES);
  assert.deepEqual(shown[0], [0, BYTES.length]);
  assert.deepEqual(shown.at(-1), [BYTES.length, BYTES.length]);
  assert.equal(place.asked("accept-encoding"), "identity");
  assert.equal(place.asked("range"), null);
});

Deno.test("a download that was cut goes on where it ended", async () => {
  await using place = new Place({ ...servedFile(BYTES), cutAfter: 40_000 });
  await place.fails(/the connection was cut after \d\d\.\d kB; what has come is kept/);
  place.server.change("/file", { cutAfter: Infinity });
  const shown: number[] = [];
  assertSame(await place.get({ onBytes: (done) => shown.push(done) }), BYTES);
  const from = Number(/^bytes=(\d+)-$/.exec(place.asked("range")!)![1]);
  assert(from > 0 && from <= 40_000, String(from));
  assert.equal(shown[0], from);
  assert.equal(place.asked("if-range"), '"60000-1"');
});

Deno.test("a download goes on again and again, wherever it is cut", async () => {
  await using place = new Place({ ...servedFile(BYTES), cutAfter: 20_000 });
  let tries = 1;
  while (await place.get().then(() => false, () => true)) assert(++tries < 100);
  assertSame(await place.get(), BYTES);
  assert(tries >= 3);
});

for (
  const [name, before, change] of [
    ["of a file that has changed", {}, { bytes: OTHERS, etag: '"other"' }],
    ["from a server that gives no parts", {}, { ranges: false }],
    ["of a file whose version has no name", { etag: undefined }, { bytes: OTHERS }],
    ["of a file whose name is not of its bytes", { etag: 'W/"1"' }, { bytes: OTHERS }],
  ] as const
) {
  Deno.test(`a download ${name} begins anew`, async () => {
    await using place = new Place({ bytes: BYTES, etag: '"1"', ...before, cutAfter: 40_000 });
    await place.fails(/cut/);
    place.server.change("/file", { cutAfter: Infinity, ...change });
    const shown: number[] = [];
    const { bytes } = { bytes: BYTES, ...change };
    assertSame(await place.get({ onBytes: (done) => shown.push(done) }), bytes);
    assert.equal(shown[0], 0);
  });
}

Deno.test("a date names a version where there is no tag", async () => {
  const lastModified = "Sat, 21 Nov 2026 08:00:00 GMT";
  await using place = new Place({ bytes: BYTES, lastModified, cutAfter: 40_000 });
  await place.fails(/cut/);
  place.server.change("/file", { cutAfter: Infinity });
  assertSame(await place.get(), BYTES);
  assert.equal(place.asked("if-range"), lastModified);
  assertSame(await place.get(), BYTES);
  assert.equal(place.asked("if-modified-since"), lastModified);
});

Deno.test("a file that is complete is asked about, not sent again", async () => {
  await using place = new Place();
  await place.get();
  const shown: number[] = [];
  assertSame(await place.get({ onBytes: (done) => shown.push(done) }), BYTES);
  assert.equal(place.asked("if-none-match"), '"60000-1"');
  assert.deepEqual(shown, []);
  place.server.change("/file", { bytes: OTHERS, etag: '"other"' });
  assertSame(await place.get(), OTHERS);
});

Deno.test("a part that is as long as the file by now is no reason to give up", async () => {
  await using place = new Place({ ...servedFile(BYTES), cutAfter: 40_000 });
  await place.fails(/cut/);
  // The same name for fewer bytes: such servers exist, and answer 416.
  place.server.change("/file", { bytes: OTHERS.subarray(0, 1000), cutAfter: Infinity });
  assertSame(await place.get(), OTHERS.subarray(0, 1000));
});

Deno.test("a file above the bound is refused, whether its length is told or not", async () => {
  for (const chunked of [false, true]) {
    await using place = new Place({ ...servedFile(BYTES), chunked });
    await place.fails(/larger than 59\.9 kB/, { bytesMax: BYTES.length - 100 });
    assertSame(await place.get({ bytesMax: BYTES.length }), BYTES);
  }
});

Deno.test("redirects are followed within bounds, to http and https alone", async () => {
  await using place = new Place();
  const redirect = (path: string, to: string) =>
    place.server.files.set(
      path,
      () => new Response(null, { status: 302, headers: { location: to } }),
    );
  redirect("/there", "/file");
  assertSame(await place.get({ url: place.server.url("/there") }), BYTES);
  redirect("/round", "/round");
  await place.fails(/more than 10 redirects/, { url: place.server.url("/round") });
  redirect("/out", "file:///etc/passwd");
  await place.fails(/it leads to "file:\/\/\/etc\/passwd", which is not an http or https address/, {
    url: place.server.url("/out"),
  });
});

Deno.test("a server that refuses, or is not there, is a sentence", async () => {
  await using place = new Place();
  await place.fails(/: the server answers 404 Not Found$/, { url: place.server.url("/none") });
  const gone = new FileServer();
  const url = gone.url("/file");
  await gone[Symbol.asyncDispose]();
  await place.fails(/: tcp connect error: Connection refused$/, { url });
  assert.deepEqual(await place.kept(), []);
});

Deno.test("a part that no next try can go on with is not kept, and not said to be", async () => {
  for (const [file, isKept] of [[{ etag: '"1"' }, true], [{}, false]] as const) {
    await using place = new Place({ bytes: BYTES, ...file, cutAfter: 40_000 });
    await place.fails(isKept ? /; what has come is kept/ : /kB; the next try begins anew$/);
    assert.equal((await place.kept()).length, isKept ? 1 : 0);
  }
});

Deno.test("a whole file is kept beyond the command if it can be asked about", async () => {
  for (const [file, isKept] of [[{ etag: '"1"' }, true], [{}, false]] as const) {
    await using place = new Place({ bytes: BYTES, ...file });
    {
      const { signal } = new AbortController();
      await using downloads = new Downloads({ folder: place.folder, clock: systemClock, signal });
      const path = await downloads.get(place.url, { bytesMax: 1e6, onBytes: () => {} });
      assertSame(await Deno.readFile(path), BYTES);
    }
    assert.equal((await place.kept()).length, isKept ? 1 : 0);
  }
});

Deno.test("a server that sends another part than it was asked for is not believed", async () => {
  await using place = new Place({ ...servedFile(BYTES), cutAfter: 40_000 });
  await place.fails(/cut/);
  const headers = { "content-range": "bytes 7-59999/60000", etag: '"60000-1"' };
  place.server.files.set("/file", () => new Response(BYTES, { status: 206, headers }));
  await place.fails(/another part of it/);
});

Deno.test("a server that falls silent is given up, and gone on with later", async () => {
  await using place = new Place({ ...servedFile(BYTES), stallAfter: 40_000 });
  let ring = () => {};
  const clock = {
    after: (ms: number, call: () => void) => {
      assert.equal(ms, 30_000);
      ring = call;
      return () => {};
    },
  };
  place.server.stalled.then(() => ring());
  await place.fails(/the server was silent for 30 s/, { clock });
  place.server.change("/file", { stallAfter: Infinity });
  assertSame(await place.get(), BYTES);
});

Deno.test("a download that is stopped throws the signal's reason and is gone on with", async () => {
  await using place = new Place({ ...servedFile(BYTES), stallAfter: 40_000 });
  const stop = new AbortController();
  const onBytes = (done: number) => void (done === 40_000 && stop.abort());
  await assert.rejects(place.get({ signal: stop.signal, onBytes }), { name: "AbortError" });
  place.server.change("/file", { stallAfter: Infinity });
  assertSame(await place.get(), BYTES);
  assert.equal(place.asked("range"), "bytes=40000-");
});

Deno.test("one file is downloaded by one command at a time", async () => {
  await using place = new Place({ ...servedFile(BYTES), stallAfter: 40_000 });
  const stop = new AbortController();
  const first = place.get({ signal: stop.signal });
  await place.server.stalled;
  await place.fails(/another command is downloading it/);
  stop.abort();
  await assert.rejects(first, { name: "AbortError" });
});

Deno.test("what is forgotten is downloaded anew", async () => {
  await using place = new Place();
  const downloads = new Downloads({
    folder: place.folder,
    clock: systemClock,
    signal: new AbortController().signal,
  });
  await downloads.get(place.url, { bytesMax: 1e6, onBytes: () => {} });
  await downloads.forget();
  assert.deepEqual(await place.kept(), []);
});
