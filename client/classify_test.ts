import assert from "node:assert/strict";
import { join } from "node:path";
import { TemporaryFolder } from "../shared/temporary_folder.ts";
import { classify, type ClassifyOptions } from "./classify.ts";
import { run as runCommand } from "./testing/commands.ts";

const CASTLE = [{ label: "castle", probability: 0.9443 }, { label: "palace", probability: 0.0312 }];

/** A request as it arrived. */
interface Seen {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly key: string | null;
}

/** A folder of files and a server on loopback that answers as a gateway does. */
async function gateway(
  answer: (seen: Seen) => Response,
): Promise<AsyncDisposable & { url: string; folder: string; seen: Seen[] }> {
  await using stack = new AsyncDisposableStack();
  const { path: folder } = stack.use(await TemporaryFolder.make("weir-client-test-"));
  const seen: Seen[] = [];
  const handler = async (request: Request): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    const { method, headers } = request;
    const key = headers.get("authorization");
    const arrived = { method, path: pathname + search, body: await request.text(), key };
    seen.push(arrived);
    return answer(arrived);
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  stack.defer(() => server.shutdown());
  const owned = stack.move();
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    folder,
    seen,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** An address that refuses connections. */
function deadUrl(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `http://127.0.0.1:${listener.addr.port}`;
}

async function write(folder: string, name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await Deno.writeTextFile(path, content);
  return path;
}

function success(): Response {
  return Response.json({ success: true, predictions: CASTLE });
}

function problem(status: number, code: string, detail: string): Response {
  const body = { type: "about:blank", title: code, status, code, detail, success: false };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/problem+json" },
  });
}

/** Classifies, and gives the exit code with what was written. */
function run(
  options: Pick<ClassifyOptions, "files" | "url"> & Partial<ClassifyOptions>,
): Promise<{ code: number; text: string }> {
  return runCommand((least) =>
    classify({ ...least, model: undefined, top: undefined, ...options })
  );
}

Deno.test("a file's bytes are posted, and its classes are shown with bars", async () => {
  await using server = await gateway(success);
  const file = await write(server.folder, "castle.jpg", "bytes");
  assert.deepEqual(await run({ files: [file], url: server.url }), {
    code: 0,
    text: [
      file,
      "   94.4%  ██████████████████▉   castle",
      "    3.1%  ▋                     palace",
    ].join("\n"),
  });
  assert.deepEqual(server.seen, [
    { method: "POST", path: "/predict", body: "bytes", key: null },
  ]);
});

Deno.test("model and top go with the request, and the gateway's path is kept", async () => {
  await using server = await gateway(success);
  const files = [await write(server.folder, "a.jpg", "")];
  await run({ files, url: `${server.url}/weir/`, model: "a b", top: "3" });
  assert.equal(server.seen[0]?.path, "/weir/predict?model=a+b&top=3");
});

Deno.test("the key goes in a header, and nowhere else", async () => {
  await using server = await gateway(success);
  const file = await write(server.folder, "castle.jpg", "bytes");
  assert.equal((await run({ files: [file], url: server.url, key: "weir_secret" })).code, 0);
  assert.deepEqual(server.seen, [
    { method: "POST", path: "/predict", body: "bytes", key: "Bearer weir_secret" },
  ]);
});

Deno.test("a file that fails is told in one line with its name, and the others are shown", async () => {
  await using server = await gateway(({ body }) =>
    body === "photo" ? success() : problem(415, "unsupported_media_type", "image is no photo")
  );
  const photo = await write(server.folder, "photo.jpg", "photo");
  const note = await write(server.folder, "note.jpg", "note");
  const missing = join(server.folder, "missing.jpg");
  const { code, text } = await run({
    files: [note, missing, server.folder, photo],
    url: server.url,
  });
  assert.equal(code, 1);
  assert.deepEqual(text.split("\n").slice(0, 4), [
    `${note}: image is no photo`,
    `${missing}: the file cannot be read: No such file or directory`,
    `${server.folder}: the file cannot be read: Is a directory`,
    photo,
  ]);
});

Deno.test("as JSON, every file has its predictions or its error, in order", async () => {
  await using server = await gateway(({ body }) =>
    body === "photo" ? success() : problem(503, "busy", "Server busy, please retry your request")
  );
  const photo = await write(server.folder, "photo.jpg", "photo");
  const other = await write(server.folder, "other.jpg", "other");
  const { code, text } = await run({ files: [other, photo], url: server.url, json: true });
  assert.equal(code, 1);
  assert.deepEqual(JSON.parse(text), [
    { file: other, error: { code: "busy", detail: "Server busy, please retry your request" } },
    { file: photo, predictions: CASTLE },
  ]);
});

Deno.test("numbers of a model that is no classifier are counted, and the first of them shown", async () => {
  const answers = [
    [{ embedding: [0.5, -1, 3, 4, 5, 6] }, "6 numbers: 0.5, -1, 3, 4, 5, …"],
    [{ tensor: { shape: [2, 1], data: [0.25, 1] } }, "2 × 1 numbers: 0.25, 1"],
    [{ tensor: { shape: [], data: [7] } }, "1 number: 7"],
  ] as const;
  for (const [answer, line] of answers) {
    await using server = await gateway(() => Response.json({ success: true, ...answer }));
    const file = await write(server.folder, "a.jpg", "a");
    const options = { files: [file], url: server.url };
    assert.equal((await run(options)).text, `${file}\n  ${line}`);
    assert.deepEqual(JSON.parse((await run({ ...options, json: true })).text), [
      { file, ...answer },
    ]);
  }
});

Deno.test("a gateway that is not there is told with the way to start it", async () => {
  const [file, url] = [import.meta.filename!, deadUrl()];
  assert.deepEqual(await run({ files: [file], url }), {
    code: 1,
    text: `${file}: the gateway at ${url} did not answer: ` +
      "is it running? start it with `deno task start`",
  });
});

Deno.test("an answer that is not Weir's is a failure with its status", async () => {
  const answers = [
    () => new Response("<html>hello</html>", { status: 200 }),
    () => new Response("bad gateway", { status: 502 }),
    () => Response.json({ predictions: [{ label: "castle" }] }),
  ];
  for (const answer of answers) {
    await using server = await gateway(answer);
    const file = await write(server.folder, "a.jpg", "a");
    const { code, text } = await run({ files: [file], url: server.url });
    assert.equal(code, 1);
    assert.match(text, /: status (200|502) came without a readable answer: is this Weir\?$/);
  }
});

Deno.test("an address that is no URL is a failure, not a crash", async () => {
  const file = import.meta.filename!;
  for (const url of ["localhost:8080", "somewhere", "ftp://127.0.0.1"]) {
    assert.deepEqual(await run({ files: [file], url }), {
      code: 1,
      text: `${file}: the address "${url}" is not an http or https URL`,
    });
  }
});

Deno.test("the signal ends a request that is not answered", async () => {
  const stop = new AbortController();
  await using server = await gateway(() => {
    stop.abort(new Error("stopped"));
    return success();
  });
  const file = await write(server.folder, "a.jpg", "a");
  const running = run({ files: [file, file], url: server.url, signal: stop.signal });
  await assert.rejects(running, /^Error: stopped$/);
  assert.equal(server.seen.length, 1);
});
