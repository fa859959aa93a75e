/**
 * A program of its own: begins a batch that never ends and never lets the thread go.
 *
 * @module
 */
import { Heartbeat } from "../heartbeat.ts";

const heartbeat = new Heartbeat({
  settings: { url: "redis://127.0.0.1:1", name: "stuck", timeoutMs: 100 },
  shards: 1,
  consumer: "stuck",
  claimIdleMs: 30_000,
  inferTimeoutMs: 50,
});
heartbeat.hold([], true);
while (true);
