/**
 * Many WebSockets, each sending bursts of images, and each answer checked.
 *
 * @module
 */
import { orAborted } from "../../shared/or_aborted.ts";
import { BenchRedis } from "../redis.ts";
import { MODEL, samplePhotos } from "../sample_photos.ts";
import type { Scenario } from "../scenario.ts";
import { SocketClient } from "../socket_client.ts";
import { startWeir } from "../system.ts";
import { allRight, plotsOf, tablesOf, type Told } from "../tally.ts";

const CLIENTS = 100;
const QUICK_CLIENTS = 5;
/** Images of a burst: a socket may have 64 in flight. */
const BURST = 50;
const BURSTS = 3;
/** A deadline that the whole load keeps, even on WebAssembly. */
const TIMEOUT_MS = 300_000;

export const rapid: Scenario = async (stage) => {
  const { clock, quick, signal } = stage;
  await using redis = await BenchRedis.start(stage.redisServer, "everysec");
  const env = { WEIR_TIMEOUT_MS: String(TIMEOUT_MS) };
  await using weir = await startWeir(stage, redis, { env });
  const photos = await samplePhotos(stage.root);
  const url = `${weir.urls[0]!.replace("http", "ws")}/v1/socket?model=${MODEL}`;
  const [clients, bursts] = quick ? [QUICK_CLIENTS, 1] : [CLIENTS, BURSTS];

  using sockets = new DisposableStack();
  const connected = await Promise.all(
    Array.from({ length: clients }, () => SocketClient.connect(url, clock)),
  );
  for (const client of connected) sockets.use(client);
  const began = clock.now();
  const count = clients * bursts * BURST;
  const told: Told[] = [];
  await orAborted(
    Promise.all(connected.map(async (client, c) => {
      for (let burst = 0; burst < bursts; burst++) {
        const images = Array.from({ length: BURST }, (_, i) => photos[(c + i) % photos.length]!);
        told.push(...await client.burst(images));
        stage.progress(told.length / count, `${told.length} of ${count} images`);
      }
    })),
    signal,
  );
  signal.throwIfAborted();
  const seconds = (clock.now() - began) / 1000;
  return {
    method: `${clients} WebSockets send ${BURST} images each, one behind the other, and the next ` +
      `${BURST} when all are answered, ${bursts} times: ${photos.length} sample photos, whose ` +
      `answers are known; one gateway, one worker, Redis with AOF, everysec.`,
    tables: tablesOf(told, seconds),
    plots: plotsOf(told),
    figures: [allRight(`images of ${clients} WebSockets in bursts of ${BURST}`, told)],
  };
};
