import fc from "fast-check";
import assert from "node:assert/strict";
import { type Log, type LogFields, type LogOptions, openLog } from "./log.ts";

const levels = ["debug", "info", "warn", "error"] as const;

function open(options: Partial<LogOptions> = {}): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const log = openLog({
    level: "debug",
    format: "text",
    server: "castle-1",
    script: "main.ts:worker",
    write: (line) => lines.push(line),
    ...options,
  });
  return { log, lines };
}

/** The line's text behind its time, server and script. */
function logged(message: string, fields: LogFields, format: "text" | "json" = "text"): string {
  const { log, lines } = open({ format });
  log.info(message, fields);
  assert.equal(lines.length, 1);
  return lines[0]!.replace(/^.*\] INFO /s, "");
}

Deno.test("log line has the contract's form, its time that of the event", () => {
  const { log, lines } = open();
  const before = Date.now();
  log.info("model loaded", { model: "shapes", engine: "tensorflow", ms: 12, warm: true });
  const after = Date.now();
  const [, time, rest] = /^\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\] (.*)$/.exec(lines[0]!) ??
    [];
  assert.equal(
    rest,
    "[castle-1] [main.ts:worker] INFO model loaded model=shapes engine=tensorflow ms=12 warm=true",
  );
  assert(before <= Date.parse(time!) && Date.parse(time!) <= after);
});

Deno.test("log leaves out what is undefined", () => {
  assert.equal(logged("job settled", { state: undefined, job: "0-1" }), "job settled job=0-1");
  assert.deepEqual(
    Object.keys(JSON.parse(logged("job settled", { state: undefined, job: "0-1" }, "json"))),
    ["time", "server", "script", "level", "message", "job"],
  );
});

for (
  const [value, printed] of [
    ["plain-1.2_3/4:5", "plain-1.2_3/4:5"],
    ["", '""'],
    ["two words", '"two words"'],
    ["a=b", '"a=b"'],
    ['a"b', '"a\\"b"'],
    ["a\nb", '"a\\nb"'],
    ["\u001b[31mred", '"\\u001b[31mred"'],
  ] as const
) {
  Deno.test(`log prints the value ${JSON.stringify(value)} as ${printed}`, () => {
    assert.equal(logged("said", { value }), `said value=${printed}`);
  });
}

Deno.test("log in JSON is an object a line, with the fields behind the common ones", () => {
  const { log, lines } = open({ format: "json" });
  log.warn("queue is full", { model: "shapes", jobs: 10_000 });
  const { time, ...rest } = JSON.parse(lines[0]!);
  assert.equal(new Date(time).toISOString(), time);
  assert.deepEqual(rest, {
    server: "castle-1",
    script: "main.ts:worker",
    level: "WARN",
    message: "queue is full",
    model: "shapes",
    jobs: 10_000,
  });
});

const printedFrom = {
  debug: ["DEBUG", "INFO", "WARN", "ERROR"],
  info: ["INFO", "WARN", "ERROR"],
  warning: ["WARN", "ERROR"],
  error: ["ERROR"],
} as const;

for (const level of ["debug", "info", "warning", "error"] as const) {
  for (const format of ["text", "json"] as const) {
    Deno.test(`log of level ${level} prints that and above in ${format}`, () => {
      const { log, lines } = open({ level, format });
      for (const name of levels) log[name]("said");
      const printed = lines.map((line) => /\b(DEBUG|INFO|WARN|ERROR)\b/.exec(line)?.[1]);
      assert.deepEqual(printed, printedFrom[level]);
    });
  }
}

Deno.test("log keeps one event on one line, whatever it is told", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("\n[forged] line", "a\r\nb", "\u2028", "\u0085", "\v\f", "\u001b[2J"),
  );
  for (const format of ["text", "json"] as const) {
    const { log, lines } = open({ format });
    fc.assert(fc.property(text, text, (message, value) => {
      log.error(message, { value });
      const [line, ...more] = lines.splice(0);
      assert.deepEqual(more, []);
      assert.doesNotMatch(line!, /[\p{Cc}\u2028\u2029]/u);
      if (format === "json") assert.equal(JSON.parse(line!).value, value);
    }));
  }
});

Deno.test("log does not take a message for a template", () => {
  assert.equal(logged("got {job} of {}", { job: 1 }), "got {job} of {} job=1");
});
