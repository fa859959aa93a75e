import { keptLog } from "../../shared/testing/kept_log.ts";
import { ManualClock } from "../../shared/testing/manual_clock.ts";
import { Sockets } from "./sockets.ts";

Deno.test("sockets are drained where there are none, also when that was asked for before", async () => {
  const parts = { clock: new ManualClock(), log: keptLog(), bodyBytesMax: 1 };
  await new Sockets({ ...parts, drain: AbortSignal.abort() }).drained;
  const stop = new AbortController();
  const { drained } = new Sockets({ ...parts, drain: stop.signal });
  stop.abort();
  await drained;
});
