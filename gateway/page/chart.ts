/**
 * One figure of the last hour: a curve or bars, with a legend that says the numbers.
 *
 * Owns the canvas. The legend's swatches have the colours, light or dark; the canvas reads them.
 * Invariant: what the figure shows is in words, too.
 *
 * @module
 */
import { html, render, type TemplateResult } from "lit-html";
import uPlot from "uplot";
import { type Slot, SLOT_MS } from "./hour.ts";
import { timeOfDay } from "./words.ts";

/** One line of a figure. */
export interface Curve {
  readonly name: string;
  /** Its colour: of a stage, or of a curve. */
  readonly colour: string;
  readonly value: (slot: Slot) => number | null;
}

/** A figure. */
export interface Figure {
  readonly title: string;
  /** What it means, in a sentence. */
  readonly hint: string;
  readonly format: (value: number) => string;
  /** Where the scale ends at least. */
  readonly top: number;
  /** `bars` where slots stand for themselves; `stack` where the curves add up. */
  readonly form: "area" | "bars" | "stack";
  readonly curves: readonly Curve[];
}

const HEIGHT = 150;

/** In every figure the pointer is at the same time. */
const SYNC = { key: "hour" };

export class Chart {
  readonly #figure: Figure;
  readonly #element: HTMLElement;
  readonly #plot: uPlot;
  #slots: readonly Slot[] = [];
  #swatches: readonly HTMLElement[] = [];

  constructor(figure: Figure, element: HTMLElement) {
    this.#figure = figure;
    this.#element = element;
    this.#drawLegend(undefined);
    const place = element.querySelector<HTMLElement>(".plot")!;
    this.#swatches = [...element.querySelectorAll<HTMLElement>(".swatch")];
    this.#plot = new uPlot(this.#options(place.clientWidth), [[]], place);
    new ResizeObserver(() => this.#plot.setSize({ width: place.clientWidth, height: HEIGHT }))
      .observe(place);
  }

  /** Shows other slots. */
  show(slots: readonly Slot[]): void {
    this.#slots = slots;
    const rows = this.#figure.curves.map(({ value }) => slots.map(value));
    this.#plot.setData([slots.map(({ at }) => (at + SLOT_MS) / 1000), ...this.#drawn(rows)]);
    this.#drawLegend(this.#plot.cursor.idx ?? undefined);
  }

  /** Draws anew, with the colours that there are now. */
  repaint(): void {
    this.#plot.redraw(false);
  }

  /** As they are drawn, the last curve first: where they add up, each hides the foot of the next. */
  #drawn(rows: readonly (number | null)[][]): (number | null)[][] {
    if (this.#figure.form !== "stack") return rows.toReversed();
    const sums: (number | null)[][] = [];
    for (const row of rows) {
      const below = sums.at(-1);
      sums.push(row.map((value, i) => value === null ? null : value + (below?.[i] ?? 0)));
    }
    return sums.reverse();
  }

  #options(width: number): uPlot.Options {
    const { top, format } = this.#figure;
    const quiet = () => getComputedStyle(this.#element).color;
    const line = () => getComputedStyle(this.#element).borderTopColor;
    const axis: uPlot.Axis = {
      stroke: quiet,
      font: "11px system-ui, sans-serif",
      grid: { stroke: line, width: 1 },
      ticks: { show: false },
    };
    return {
      width,
      height: HEIGHT,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false }, sync: SYNC },
      scales: { y: { range: (_, __, max) => [0, Math.max(top, max ?? 0) * 1.08] } },
      axes: [
        {
          ...axis,
          grid: { show: false },
          space: 70,
          size: 26,
          values: (_, splits) => splits.map((seconds) => timeOfDay(seconds * 1000)),
        },
        {
          ...axis,
          space: 36,
          size: 52,
          values: (_, splits) => splits.map((value) => text(value, format)),
        },
      ],
      series: [{}, ...this.#series().reverse()],
      hooks: { setCursor: [({ cursor }) => this.#drawLegend(cursor.idx ?? undefined)] },
    };
  }

  #series(): uPlot.Series[] {
    const { curves, form } = this.#figure;
    const bars = uPlot.paths.bars!({ size: [0.9, 12, 2], gap: 0 });
    return curves.map((_, i) => {
      const colour = () => getComputedStyle(this.#swatches[i]!).backgroundColor;
      const common = { stroke: colour, points: { show: false } };
      if (form !== "area") return { ...common, fill: colour, width: 0, paths: bars };
      const wash = () => `color-mix(in srgb, ${colour()} 14%, transparent)`;
      return { ...common, width: 1.75, ...(i === 0 && { fill: wash }) };
    });
  }

  /** @param index the slot under the pointer; without one, the last of which anything is known */
  #drawLegend(index: number | undefined): void {
    const { title, hint, curves } = this.#figure;
    const known = this.#slots.findLastIndex((slot) =>
      curves.some(({ value }) => value(slot) !== null)
    );
    const slot = this.#slots[index ?? known];
    render(
      html`
        <figcaption>
          <h3>${title}</h3>
          <span class="hint">${index === undefined || slot === undefined
            ? hint
            : `At ${timeOfDay(slot.at, true)}`}</span>
        </figcaption>
        <dl class="legend">${curves.map((curve) => this.#entry(curve, slot))}</dl>
        <div class="plot" aria-hidden="true"></div>
      `,
      this.#element,
    );
  }

  #entry({ name, colour, value }: Curve, slot: Slot | undefined): TemplateResult {
    const number = slot === undefined ? null : value(slot);
    return html`
      <div>
        <dt><span class="swatch" data-stage=${colour}></span>${name}</dt>
        <dd>${number === null ? "–" : text(number, this.#figure.format)}</dd>
      </div>
    `;
  }
}

/** Nothing needs no unit. */
function text(value: number, format: (value: number) => string): string {
  return value === 0 ? "0" : format(value);
}
