import assert from "node:assert/strict";
import { RedisServer } from "../shared/redis_server.ts";
import { serverPid } from "../shared/testing/redis.ts";
import { type Answer, assertProblem, post, submitAndReturn } from "./client.ts";
import { Load } from "./load.ts";
import { colourPicture } from "./pictures.ts";
import { tempFolder } from "./temp_folder.ts";
import { printingLog, startWeir } from "./weir.ts";

const { bytes: PHOTO } = await colourPicture([250, 20, 10]);

/** Every command is on disk before it is answered. */
const SETTINGS = { appendfsync: "always" };

/** Submits a job and asks for it until it is over, however often Redis is away. */
function submitted(url: string): Promise<Answer> {
  return submitAndReturn(url, PHOTO, ({ status, body: { state } }) => {
    if (status === 200) assert.match(state, /^(queued|running|succeeded)$/);
  });
}

Deno.test("redis is killed under load and started again: whatever was accepted is done", async () => {
  await using folder = await tempFolder();
  await using outliving = new AsyncDisposableStack();
  await using weir = await startWeir({
    redis: { folder: folder.path, settings: SETTINGS },
    // What a read had been given when its connection broke is silent for so long.
    env: { WEIR_CLAIM_IDLE_MS: "300" },
  });
  await printingLog(weir, async () => {
    const { url, redis: { client, server } } = weir;
    client.on("error", () => {});
    const waiting = new Load(8, () => post(`${url}/predict`, PHOTO));
    const returning = new Load(8, () => submitted(url));
    await Promise.all([waiting.more(50, "200"), returning.more(50, "200")]);
    Deno.kill(await serverPid(client), "SIGKILL");
    await server.ended;
    assertProblem(await post(`${url}/predict`, PHOTO), "busy", 503);
    outliving.use(
      await RedisServer.start({
        executable: "redis-server",
        address: server.address,
        folder: folder.path,
        settings: SETTINGS,
      }),
    );
    await Promise.all([waiting.more(50, "200"), returning.more(50, "200")]);
    await waiting.stop(["200", "busy"]);
    await returning.stop(["200", "busy"]);
    await weir.assertEmpty();
    await weir.drain();
  });
});
