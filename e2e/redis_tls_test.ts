import assert from "node:assert/strict";
import { join } from "node:path";
import { freePort, type RedisServerOptions } from "../shared/redis_server.ts";
import {
  connectionsNamed,
  testRedis,
  type TlsFiles,
  tlsSettings,
} from "../shared/testing/redis.ts";
import { TestCluster } from "../shared/testing/cluster.ts";
import { Sentinels } from "../shared/testing/sentinels.ts";
import { loopbackCertificates } from "./certificates.ts";
import { assertSees, post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { ROOT } from "./program.ts";
import { until } from "./waiting.ts";
import { printingLog, Role, startWeir } from "./weir.ts";

/** With characters that an address has to encode. */
const PASSWORD = "open/se@me: 100%";
const DATABASE = 3;

/** What operators are told to allow: in Redis, and in sentinels. */
const [RIGHTS, SENTINEL_RIGHTS] = (await Deno.readTextFile(join(ROOT, "docs", "operators.md")))
  .match(
    /(?<=^ACL SETUSER weir on >PASSWORD ).*$/gm,
  )!;

/** The user, as `ACL SETUSER` and a file of settings have it. */
function user(rights: string | undefined): string {
  return `weir on ${JSON.stringify(`>${PASSWORD}`)} ${rights}`;
}

/** A server that speaks TLS beside its plain port, and knows a user with the rights that we need. */
function tlsServer(port: number, files: TlsFiles): Pick<RedisServerOptions, "settings"> {
  return { settings: { ...tlsSettings(port, files), user: user(RIGHTS) } };
}

function address(port: number, password = PASSWORD): string {
  return `rediss://weir:${encodeURIComponent(password)}@127.0.0.1:${port}/${DATABASE}`;
}

function assertNoSecret(lines: readonly string[], secret = PASSWORD): void {
  for (const line of lines) {
    assert(!line.includes(secret) && !line.includes(encodeURIComponent(secret)), line);
  }
}

Deno.test("a photo is answered over TLS, by a user with few rights, in a database of its own", async () => {
  await using certificates = await loopbackCertificates();
  const port = freePort();
  await using weir = await startWeir({
    redis: tlsServer(port, certificates),
    env: {
      REDIS_URL: address(port),
      DENO_CERT: certificates.authority,
      WEIR_LOG_LEVEL: "debug",
      WEIR_CLAIM_IDLE_MS: "300",
      // The first photo is in hand until the second comes.
      WEIR_BATCH_MAX: "2",
      WEIR_BATCH_LINGER_MS: "10000",
    },
  });
  await printingLog(weir, async () => {
    const photo = await colourPicture([250, 20, 10]);
    const first = post(`${weir.url}/predict`, photo.bytes);
    await until("the heartbeat is connected", async () => {
      return (await weir.connections()).includes("worker1 heartbeat");
    });
    for (const { status, body } of [await post(`${weir.url}/predict`, photo.bytes), await first]) {
      assert.equal(status, 200, JSON.stringify(body));
      assertSees(body.predictions, photo);
    }
    const { client } = weir.redis;
    assert.deepEqual(await weir.connections(), [
      ...["gateway1 commands", "gateway1 results"],
      ...["worker1 commands", "worker1 heartbeat", "worker1 jobs"],
    ]);
    for (const { user, db, laddr } of await connectionsNamed(client, /^weir:/)) {
      assert.deepEqual({ user, db, laddr }, { user: "weir", db: "3", laddr: `127.0.0.1:${port}` });
    }
    await client.select(DATABASE);
    await weir.assertEmpty();
    await weir.drain();
    assertNoSecret([...weir.gateways, ...weir.workers].flatMap(({ lines }) => lines));
  });
});

for (const role of ["gateway", "worker"] as const) {
  Deno.test(`a ${role} that redis does not let in, or that does not trust it, ends with a sentence`, async () => {
    await using certificates = await loopbackCertificates();
    const port = freePort();
    await using _ = await testRedis(tlsServer(port, certificates));
    const trusting = { DENO_CERT: certificates.authority };
    const wrong = "not/the@password";
    for (
      const [env, sentence] of [
        [
          { REDIS_URL: address(port, wrong), ...trusting },
          "WRONGPASS invalid username-password pair or user is disabled.",
        ],
        [{ REDIS_URL: address(port) }, "self-signed certificate in certificate chain"],
      ] as const
    ) {
      await using process = new Role(role, role, { ...env, WEIR_PORT: "0" });
      assert.equal(await process.code(), 1);
      assert.deepEqual(process.lines, [`weir: redis cannot be used: ${sentence}`]);
    }
  });
}

Deno.test("a master is found and served over TLS alone, by sentinels that want a password", async () => {
  await using certificates = await loopbackCertificates();
  const secure = { tls: certificates, user: user(SENTINEL_RIGHTS) };
  await using sentinels = await Sentinels.start(secure);
  const url = (password: string) =>
    `${sentinels.url}?sentinel=weir:${encodeURIComponent(password)}`;
  const trusting = { DENO_CERT: certificates.authority, WEIR_LOG_LEVEL: "debug" };
  await using weir = await startWeir({ env: { REDIS_URL: url(PASSWORD), ...trusting } });
  await printingLog(weir, async () => {
    const photo = await colourPicture([250, 20, 10]);
    const { status, body } = await post(`${weir.url}/predict`, photo.bytes);
    assert.equal(status, 200, JSON.stringify(body));
    await weir.drain();
    assertNoSecret([...weir.gateways, ...weir.workers].flatMap(({ lines }) => lines));
  });
  const env = { REDIS_URL: url("not/the@password"), ...trusting, WEIR_PORT: "0" };
  await using refused = new Role("refused", "gateway", env);
  assert.equal(await refused.code(), 1);
  assert.deepEqual(refused.lines, [
    "weir: redis cannot be used: All sentinels are unreachable and retry is disabled. " +
    "Last error: WRONGPASS invalid username-password pair or user is disabled.",
  ]);
});

Deno.test("photos are answered over TLS by every master of a cluster", async () => {
  await using certificates = await loopbackCertificates();
  await using cluster = await TestCluster.start(certificates);
  const env = {
    REDIS_URL: cluster.url,
    WEIR_SHARDS: "3",
    DENO_CERT: certificates.authority,
  };
  await using weir = await startWeir({ env });
  await printingLog(weir, async () => {
    const photo = await colourPicture([250, 20, 10]);
    const shards = new Set<string>();
    while (shards.size < 3) {
      const { status, body } = await post(`${weir.url}/v1/jobs`, photo.bytes, {
        prefer: "wait=30",
      });
      assert.equal(status, 200, JSON.stringify(body));
      shards.add(body.id.split("-")[0]);
    }
    await weir.drain();
  });
});
