import assert from "node:assert/strict";
import { isLoopback } from "./loopback.ts";

Deno.test("loopback hosts are told from all others", () => {
  const own = ["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"];
  const others = ["0.0.0.0", "::", "10.0.0.1", "localhost.example", "127.0.0.1.example", "1270001"];
  assert.deepEqual([...own, ...others].filter(isLoopback), own);
});
