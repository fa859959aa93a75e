import assert from "node:assert/strict";
import { keyDigest, newApiKey } from "./api_key.ts";

Deno.test("a new key says what it is, fits a header, and has 256 bits of its own", () => {
  const keys = Array.from({ length: 100 }, newApiKey);
  for (const key of keys) {
    const [, secret] = /^weir_([A-Za-z0-9_-]{43})$/.exec(key) ?? assert.fail(key);
    assert.equal(Uint8Array.fromBase64(secret!, { alphabet: "base64url" }).length, 32);
  }
  assert.equal(new Set(keys).size, keys.length);
});

Deno.test("a key's digest is its SHA-256", () => {
  assert.equal(
    keyDigest("abc").toHex(),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});
