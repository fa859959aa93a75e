import assert from "node:assert/strict";
import sharp from "sharp";
import { Random } from "../../fixtures/training/random.ts";
import { makeCase, type Material } from "./cases.ts";
import { readContract } from "./contract.ts";
import { mutate, MUTATIONS } from "./image_mutation.ts";
import { makeSeeds } from "./seeds.ts";

const seeds = await makeSeeds();
const material: Material = {
  host: "localhost",
  model: "shapes",
  job: "0-1",
  seeds,
  contract: readContract({
    paths: {
      "/predict": {
        post: { requestBody: { content: { "multipart/form-data": {} } }, responses: {} },
      },
      "/v1/jobs/{id}": {
        get: {
          parameters: [{ name: "id", in: "path" }, { name: "Prefer", in: "header" }],
          responses: {},
        },
      },
      "/infer/{name}": {
        post: { requestBody: { content: { "application/json": {} } }, responses: {} },
      },
    },
    components: { examples: {} },
  }),
};

Deno.test("cases: a number's case is the same every time, and unlike its neighbours'", () => {
  const requests = new Set<string>();
  for (let number = 0; number < 300; number++) {
    const sent = makeCase(5, number, material);
    assert.deepEqual(makeCase(5, number, material), sent);
    requests.add(new TextDecoder("latin1").decode(sent.request));
  }
  assert(requests.size > 270, `${requests.size} different ones`);
  assert.notDeepEqual(makeCase(6, 0, material), makeCase(5, 0, material));
});

Deno.test("cases: every kind comes, and every operation is asked for", () => {
  const drawn = Array.from({ length: 3_000 }, (_, number) => makeCase(1, number, material));
  const kinds = new Set(drawn.map(({ kind }) => kind.replace(/:.*/, "")));
  assert.deepEqual([...kinds].sort(), ["form", "image", "infer", "request", "wire"]);
  for (const mutation of MUTATIONS) {
    assert(drawn.some(({ kind }) => kind === `image: ${mutation}`), mutation);
  }
  const { operations } = material.contract;
  for (const operation of operations) {
    assert(drawn.some((sent) => sent.operation === operation), operation.path);
  }
});

Deno.test("cases: what counts as HTTP has a head of lines that a server must read", () => {
  for (let number = 0; number < 2_000; number++) {
    const { isHttp, request } = makeCase(2, number, material);
    if (!isHttp) continue;
    const [head] = new TextDecoder("latin1").decode(request).split("\r\n\r\n");
    const [first, ...lines] = head!.split("\r\n");
    assert.match(first!, /^[A-Za-z]+ \/[!-~]* HTTP\/1\.1$/);
    for (const line of lines) assert.match(line, /^[A-Za-z0-9-]+: [\t -~\u0080-\uffff]*$/);
  }
});

Deno.test("cases: of the inference protocol's bodies each kind comes", () => {
  const [infer] = material.contract.operations.filter(({ path }) => path.startsWith("/infer"));
  const heads = Array.from({ length: 3_000 }, (_, number) => makeCase(3, number, material))
    .filter(({ operation }) => operation === infer)
    .map(({ request }) => new TextDecoder("latin1").decode(request).split("\r\n\r\n")[0]!);
  assert(heads.length > 100);
  for (const header of ["application/json", "Inference-Header-Content-Length", "gzip", "deflate"]) {
    assert(heads.some((head) => head.includes(header)), header);
  }
});

Deno.test("seeds: every one is an image of its kind", async () => {
  for (const { name, type, bytes } of seeds) {
    const { format, width } = await sharp(bytes).metadata();
    assert.deepEqual([format, width], [type === "avif" ? "heif" : type, 40], name);
  }
});

Deno.test("mutations: fields of a PNG change, and its checksums stay right", async () => {
  const random = new Random(3, 0);
  const png = seeds.find(({ name }) => name === "png rgb")!;
  let readable = 0;
  for (let i = 0; i < 50; i++) {
    const changed = mutate(random, "picture", png, seeds);
    // libpng says so where a checksum is wrong.
    const read = await sharp(changed).toBuffer().then(() => "", String);
    assert.doesNotMatch(read, /CRC/i);
    if (read === "") readable++;
  }
  assert(readable > 10, `${readable} of 50 can be read`);
});

Deno.test("mutations: none changes its seed, nor the seeds beside it", () => {
  const random = new Random(4, 0);
  const before = seeds.map(({ bytes }) => Uint8Array.from(bytes));
  for (const seed of seeds) {
    for (const mutation of MUTATIONS) {
      for (let i = 0; i < 20; i++) mutate(random, mutation, seed, seeds);
    }
  }
  assert.deepEqual(seeds.map(({ bytes }) => bytes), before);
});
