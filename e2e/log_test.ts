import assert from "node:assert/strict";
import { post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { testWeir } from "./weir.ts";

const PHOTO = await colourPicture([250, 20, 10]);

/** `[TIMESTAMP] [SERVER_NAME] [SCRIPT_NAME] LEVEL message key=value …` */
const LINE =
  /^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] \[(\w+)\] \[main\.ts:(\w+)\] (DEBUG|INFO|WARN|ERROR) (.+)$/;

testWeir(
  "every line of every role has the log's one form, and those about a job its id",
  { env: { WEIR_LOG_LEVEL: "debug" } },
  async (weir) => {
    const { body: { id } } = await post(`${weir.url}/v1/jobs`, PHOTO.bytes, { prefer: "wait=30" });
    await weir.drain();
    for (
      const [role, programs] of Object.entries({ gateway: weir.gateways, worker: weir.workers })
    ) {
      for (const { name, lines } of programs) {
        for (const line of lines) {
          const [, server, script, , rest] = LINE.exec(line) ?? assert.fail(line);
          assert.deepEqual([server, script], [name, role]);
          if (/^job /.test(rest!)) assert.match(rest!, new RegExp(` job=${id} `));
        }
        assert.match(lines.join("\n"), / job (queued|begun) job=/);
      }
    }
  },
);

testWeir(
  "the log is lines of JSON where that is wanted",
  { env: { WEIR_LOG_FORMAT: "json" } },
  async (weir) => {
    await post(`${weir.url}/predict`, PHOTO.bytes);
    await weir.drain();
    for (const { name, lines } of [...weir.gateways, ...weir.workers]) {
      for (
        const { time, server, script, level, message } of lines.map((line) => JSON.parse(line))
      ) {
        assert.equal(new Date(time).toISOString(), time);
        assert.equal(server, name);
        assert.match(script, /^main\.ts:(gateway|worker)$/);
        assert.equal(level, "INFO");
        assert.equal(typeof message, "string");
      }
    }
  },
);
