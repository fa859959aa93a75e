/**
 * What a role's `/metrics` says, read by a parser of the format.
 *
 * @module
 */
import assert from "node:assert/strict";
import parse from "parse-prometheus-text-format";

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

/** As the parser gives it for what has no type of several lines. */
type Parsed = readonly {
  readonly name: string;
  readonly metrics: readonly { readonly value: string; readonly labels?: Labels }[];
}[];

export class Scrape {
  readonly text: string;
  readonly #samples: readonly Sample[];

  constructor(text: string) {
    this.text = text;
    // The parser drops a histogram's labels: its lines are read one by one, as they are.
    const plain = text.replaceAll(/^# (TYPE|HELP) .*\n/gm, "");
    this.#samples = (parse as unknown as (text: string) => Parsed)(plain).flatMap(
      ({ name, metrics }) =>
        metrics.map(({ value, labels = {} }) => ({ name, labels, value: Number(value) })),
    );
    for (const { name, value } of this.#samples) assert(!Number.isNaN(value), `${name} is NaN`);
  }

  static async of(url: string): Promise<Scrape> {
    const response = await fetch(new URL("/metrics", url));
    const text = await response.text();
    assert.equal(response.status, 200, text);
    assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    return new Scrape(text);
  }

  /** Sum of the samples that have these labels among theirs; undefined where there is none. */
  value(name: string, labels: Labels = {}): number | undefined {
    const found = this.#samples.filter((sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value)
    );
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
  }

  /** Values of a label. */
  labels(name: string, label: string): string[] {
    const values = this.#samples.filter((sample) => sample.name === name)
      .map(({ labels }) => labels[label] ?? "");
    return [...new Set(values)].sort();
  }
}
