/** The monitoring kit, held against the metrics that there are and judged by Prometheus' checker. */
import assert from "node:assert/strict";
import { measured } from "../../e2e/measured.ts";
import { assertPromtool, withoutPromtool } from "../../e2e/promtool.ts";

const FOLDER = "deploy/monitoring";

async function read(name: string): Promise<string> {
  return await Deno.readTextFile(new URL(name, import.meta.url));
}

interface Panel {
  readonly title: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets?: readonly { readonly expr: string }[];
}

const dashboard: { readonly panels: readonly Panel[] } = JSON.parse(await read("dashboard.json"));
const alerts = await read("alerts.yml");
const alertsTest = await read("alerts_test.yml");
const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

/** Names that a scrape has: a histogram has three. */
const samples = new Set(
  measured().flatMap(({ name, type }) =>
    type === "histogram" ? ["_bucket", "_sum", "_count"].map((end) => name + end) : [name]
  ),
);

/** Names of metrics in expressions; those of Prometheus itself are not among them. */
function namesIn(text: string): string[] {
  return text.match(/\b(weir|process)_\w+/g) ?? [];
}

Deno.test("every metric that the dashboard and the alerts ask for is one that there is", () => {
  assert(expressions.length > 20);
  const rules = alerts.replaceAll(/^\s*(summary|description):.*$/gm, "");
  for (const name of [...expressions.flatMap(namesIn), ...namesIn(rules)]) {
    assert(samples.has(name), `${name} is no metric`);
  }
});

Deno.test("the dashboard's panels have something to ask, and do not overlap", () => {
  const taken = new Set<string>();
  for (const { title, gridPos: { x, y, w, h } } of dashboard.panels) {
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        assert(!taken.has(`${column} ${line}`), `${title} lies on another panel`);
        taken.add(`${column} ${line}`);
      }
    }
  }
  assert(expressions.every((expression) => expression.length > 0));
});

Deno.test("every alert has a test of when it fires, and one of when it does not", () => {
  const names = [...alerts.matchAll(/^ +- alert: (\w+)$/gm)].map(([, name]) => name!);
  assert(names.length > 10);
  for (const name of names) {
    assert(new RegExp(`alertname: ${name}\\n.*\\n +exp_alerts:`).test(alertsTest), name);
    assert(new RegExp(`alertname: ${name}, eval_time: [^}]*}`).test(alertsTest), name);
  }
});

Deno.test({
  name: "prometheus takes the example of its settings",
  ignore: withoutPromtool,
  fn: () => assertPromtool(["check", "config", `${FOLDER}/prometheus.yml`]),
});

Deno.test({
  name: "alerts fire when they should, and only then",
  ignore: withoutPromtool,
  fn: () => assertPromtool(["test", "rules", `${FOLDER}/alerts_test.yml`]),
});

Deno.test({
  name: "prometheus understands every expression of the dashboard",
  ignore: withoutPromtool,
  fn: async () => {
    // As rules, since the checker knows no other way; a dashboard's variables stand for texts.
    const plain = expressions.map((expression) =>
      expression.replaceAll("$__rate_interval", "1m").replaceAll("$model", ".*")
    );
    const rules = plain.map((expr, i) => ({ record: `panel:${i}`, expr }));
    const file = await Deno.makeTempFile({ suffix: ".yml" });
    try {
      // JSON is YAML.
      await Deno.writeTextFile(file, JSON.stringify({ groups: [{ name: "panels", rules }] }));
      await assertPromtool(["check", "rules", file]);
    } finally {
      await Deno.remove(file);
    }
  },
});
