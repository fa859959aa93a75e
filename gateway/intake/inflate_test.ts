import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { inflateBody } from "./inflate.ts";

const TEXT = new TextEncoder().encode("said again and again, ".repeat(50));

function bytesOf(buffer: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer);
}

Deno.test("a body is what it was before it was compressed, up to the bound exactly", async () => {
  for (
    const [encoding, bytes] of [
      ["gzip", gzipSync(TEXT)],
      ["deflate", deflateSync(TEXT)],
      ["GZIP", gzipSync(TEXT)],
      ["identity", TEXT],
      [undefined, TEXT],
    ] as const
  ) {
    const body = await inflateBody(bytesOf(bytes), encoding, TEXT.length);
    assert(body.ok);
    assert.equal(Buffer.compare(body.bytes, TEXT), 0);
  }
});

Deno.test("a body that would grow beyond the bound is too large", async () => {
  const bomb = bytesOf(gzipSync(new Uint8Array(50_000_000)));
  assert(bomb.length < 50_000);
  for (const [bytes, bytesMax] of [[bomb, 1_000_000], [bytesOf(gzipSync(TEXT)), 1_099]] as const) {
    assert.deepEqual(await inflateBody(bytes, "gzip", bytesMax), {
      ok: false,
      code: "payload_too_large",
      detail: `inflate body: at most ${bytesMax} bytes are accepted`,
    });
  }
});

Deno.test("damaged data is the client's fault", async () => {
  for (
    const [encoding, bytes] of [
      ["gzip", gzipSync(TEXT).subarray(0, -9)],
      ["gzip", TEXT],
      ["gzip", new Uint8Array()],
      ["deflate", deflateRawSync(TEXT)],
    ] as const
  ) {
    assert.deepEqual(await inflateBody(bytesOf(bytes), encoding, 10_000), {
      ok: false,
      code: "invalid_request",
      detail: `inflate body: the ${encoding} data is incomplete or damaged`,
    });
  }
});

Deno.test("another encoding is not understood, and the answer says which are", async () => {
  for (const encoding of ["br", "gzip, gzip", "", "constructor"]) {
    assert.deepEqual(await inflateBody(bytesOf(TEXT), encoding, 10_000), {
      ok: false,
      code: "unsupported_media_type",
      detail: `inflate body: encoding "${encoding}" is not one of gzip, deflate`,
    });
  }
});
