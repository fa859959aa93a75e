import assert from "node:assert/strict";
import { parseRedisAddress } from "./address.ts";

const nobody = { credentials: {}, tls: false };

Deno.test("an address of one server has its defaults", () => {
  assert.deepEqual(parseRedisAddress("redis://localhost"), {
    ...{ ...nobody, kind: "single", db: 0 },
    node: { host: "localhost", port: 6379 },
  });
  assert.deepEqual(parseRedisAddress("rediss://:p%40ss%3A%2F@[::1]:6380/3"), {
    ...{ kind: "single", tls: true, credentials: { password: "p@ss:/" }, db: 3 },
    node: { host: "::1", port: 6380 },
  });
  assert.deepEqual(parseRedisAddress("redis://weir:secret@redis.example:7000/"), {
    ...{ kind: "single", tls: false, credentials: { username: "weir", password: "secret" }, db: 0 },
    node: { host: "redis.example", port: 7000 },
  });
});

Deno.test("an address of sentinels names the master", () => {
  assert.deepEqual(parseRedisAddress("redis-sentinel://u:p@a:1,b/main/2"), {
    ...{ kind: "sentinel", tls: false, credentials: { username: "u", password: "p" } },
    ...{ sentinels: [{ host: "a", port: 1 }, { host: "b", port: 26379 }], master: "main", db: 2 },
    sentinelCredentials: {},
  });
});

for (
  const [text, sentinelCredentials] of [
    ["redis-sentinel://:p@a/main?sentinel=:s%26%3D%3F+", { password: "s&=?+" }],
    ["rediss-sentinel://:p@a/main/0?sentinel=u:s", { username: "u", password: "s" }],
  ] as const
) {
  Deno.test(`"${text}" says who asks the sentinels`, () => {
    assert.deepEqual(parseRedisAddress(text), {
      ...{ kind: "sentinel", tls: text.startsWith("rediss"), credentials: { password: "p" } },
      ...{ sentinels: [{ host: "a", port: 26379 }], sentinelCredentials, master: "main", db: 0 },
    });
  });
}

Deno.test("an address of a cluster has its nodes", () => {
  assert.deepEqual(parseRedisAddress("redis-cluster://a:1,b:2"), {
    ...{ ...nobody, kind: "cluster" },
    nodes: [{ host: "a", port: 1 }, { host: "b", port: 2 }],
  });
  assert.equal(parseRedisAddress("rediss-cluster://a")?.tls, true);
});

for (
  const text of [
    "",
    "localhost:6379",
    "http://localhost",
    "redis://",
    "redis://a,b",
    "redis://a:0",
    "redis://a:70000",
    "redis://a:b",
    "redis://a/x",
    "redis://a b",
    "redis://u:%@a",
    "redis-cluster://a/1",
    "redis-cluster://a,,b",
    "redis-sentinel://a",
    "redis-sentinel://a/",
    "redis-sentinel://a/main/x",
    "redis-sentinel://a/main?sentinel=%",
    "redis-sentinel://a/main?sentinels=:s",
    "redis-sentinel://a/main?sentinel=:s&db=1",
    "redis://a/0?sentinel=:s",
    "redis-cluster://a/?sentinel=:s",
  ]
) {
  Deno.test(`"${text}" is no address`, () => assert.equal(parseRedisAddress(text), undefined));
}
