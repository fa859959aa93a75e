import assert from "node:assert/strict";
import { baseUrl } from "./base_url.ts";

Deno.test("an address in the sixth version of the protocol is put in brackets", () => {
  assert.equal(baseUrl("::1", 8080), "http://[::1]:8080");
  assert.equal(baseUrl("127.0.0.1", 8080), "http://127.0.0.1:8080");
  assert.equal(baseUrl("weir.example", 80), "http://weir.example:80");
});
