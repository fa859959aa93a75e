import assert from "node:assert/strict";
import { systemClock } from "../shared/clock.ts";
import { Proxy } from "./proxy.ts";

/** A server that answers each line with the same line, and counts what it received. */
class Echo implements AsyncDisposable {
  readonly received: string[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #conns = new Set<Deno.Conn>();
  readonly #serving = this.#serve();

  get port(): number {
    return this.#listener.addr.port;
  }

  async #serve(): Promise<void> {
    const answering: Promise<void>[] = [];
    for await (const conn of this.#listener) {
      this.#conns.add(conn);
      answering.push(this.#answer(conn));
    }
    await Promise.all(answering);
  }

  async #answer(conn: Deno.Conn): Promise<void> {
    const text = new TextDecoder();
    const chunk = new Uint8Array(1000);
    for (let count; (count = await conn.read(chunk).catch(() => null)) !== null;) {
      this.received.push(text.decode(chunk.subarray(0, count)));
      await conn.write(chunk.subarray(0, count)).catch(() => {});
    }
    this.#conns.delete(conn);
    conn.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }
}

class Caller implements Disposable {
  readonly #conn: Deno.Conn;

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  static async open({ port }: Proxy): Promise<Caller> {
    return new Caller(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async send(text: string): Promise<void> {
    await this.#conn.write(new TextEncoder().encode(text));
  }

  /** What comes next; undefined where the connection ends. */
  async hear(): Promise<string | undefined> {
    const chunk = new Uint8Array(1000);
    const count = await this.#conn.read(chunk).catch(() => null);
    return count === null ? undefined : new TextDecoder().decode(chunk.subarray(0, count));
  }

  async ask(text: string): Promise<string | undefined> {
    await this.send(text);
    return await this.hear();
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

async function proxied(body: (proxy: Proxy, echo: Echo) => Promise<void>): Promise<void> {
  await using echo = new Echo();
  await using proxy = new Proxy({ upstreamPort: echo.port, clock: systemClock });
  await body(proxy, echo);
}

Deno.test("a proxy without a fault passes on what is sent, and the end", () =>
  proxied(async (proxy) => {
    using caller = await Caller.open(proxy);
    assert.equal(await caller.ask("one"), "one");
    assert.equal(await caller.ask("two"), "two");
    const other = await Caller.open(proxy);
    assert.equal(await other.ask("three"), "three");
    assert.equal(proxy.connections, 2);
    other[Symbol.dispose]();
    assert.equal(await caller.ask("four"), "four");
  }));

Deno.test("cutting ends the connections there are, and no later ones", () =>
  proxied(async (proxy) => {
    using caller = await Caller.open(proxy);
    assert.equal(await caller.ask("one"), "one");
    proxy.cut();
    assert.equal(await caller.hear(), undefined);
    using later = await Caller.open(proxy);
    assert.equal(await later.ask("two"), "two");
  }));

Deno.test("a lost reply is one whose request was received", () =>
  proxied(async (proxy, echo) => {
    using caller = await Caller.open(proxy);
    assert.equal(await caller.ask("one"), "one");
    proxy.loseReplies();
    assert.equal(await caller.ask("two"), undefined);
    assert.deepEqual(echo.received, ["one", "two"]);
    assert.equal(proxy.repliesLost, 1);
  }));

Deno.test("a half-open connection carries nothing and never ends, not even afterwards", () =>
  proxied(async (proxy, echo) => {
    using before = await Caller.open(proxy);
    assert.equal(await before.ask("one"), "one");
    using during = await (async () => {
      using _ = proxy.halfOpen();
      await before.send("swallowed");
      const caller = await Caller.open(proxy);
      // The proxy takes it a little later than the system does.
      while (proxy.connections < 2) await new Promise((resolve) => setTimeout(resolve));
      return caller;
    })();
    await during.send("swallowed");
    using after = await Caller.open(proxy);
    assert.equal(await after.ask("two"), "two");
    await before.send("swallowed");
    assert.equal(await after.ask("three"), "three");
    assert.deepEqual(echo.received, ["one", "two", "three"]);
    assert.equal(proxy.connections, 3);
  }));

Deno.test("a delay holds up what passes, both ways", () =>
  proxied(async (proxy) => {
    using caller = await Caller.open(proxy);
    assert.equal(await caller.ask("one"), "one");
    proxy.delayMs = 50;
    const began = performance.now();
    assert.equal(await caller.ask("two"), "two");
    assert.ok(performance.now() - began >= 99);
  }));

Deno.test("a caller learns at once that nobody listens behind the proxy", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using proxy = new Proxy({ upstreamPort: listener.addr.port, clock: systemClock });
  listener.close();
  using caller = await Caller.open(proxy);
  assert.equal(await caller.hear(), undefined);
});
