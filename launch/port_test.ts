import assert from "node:assert/strict";
import { checkPort } from "./port.ts";
import { StartError } from "./start_error.ts";

const HOST = "127.0.0.1";

Deno.test("a free port is taken as it is, and port 0 becomes a free one", () => {
  const port = checkPort(HOST, 0);
  assert(port > 0);
  assert.equal(checkPort(HOST, port), port);
});

Deno.test("a port in use is refused with a sentence that offers a free one", () => {
  using listener = Deno.listen({ hostname: HOST, port: 0 });
  const { port } = listener.addr;
  let message = "";
  assert.throws(() => checkPort(HOST, port), (error) => {
    assert(error instanceof StartError);
    message = error.message;
    return true;
  });
  const [, offered] =
    /^port \d+ of 127\.0\.0\.1 is in use, (\d+) is free: set WEIR_PORT=\1$/.exec(message) ?? [];
  assert(Number(offered) > port, message);
});

Deno.test("an address that is not this machine's is refused", () => {
  assert.throws(() => checkPort("192.0.2.1", 0), (error) => {
    assert(error instanceof StartError);
    assert.match(error.message, /^cannot listen at 192\.0\.2\.1:0: [^()]+$/);
    return true;
  });
});
