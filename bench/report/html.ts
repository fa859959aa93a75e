/**
 * The report as one file with plots, which needs no other and runs no script.
 *
 * @module
 */
import * as echarts from "echarts";
import { html, raw } from "hono/html";
import { isMet, type Plot } from "../scenario.ts";
import { goalOf, type Report, shown } from "./text.ts";

const WIDTH = 860;
const HEIGHT = 380;

const STYLE = `
:root { color-scheme: light; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 56rem; margin: 2rem auto; padding: 0 1rem; color: #1d2733; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; }
th, td { padding: 0.2rem 0.7rem; border-bottom: 1px solid #dde3ea; text-align: right; }
th:first-child, td:first-child { text-align: left; }
.missed { color: #b3261e; font-weight: 600; }
svg { max-width: 100%; height: auto; }
`;

export function htmlOf({ quick, machine, scenarios }: Report): string {
  const { processor, cores, memoryGiB, system, versions } = machine;
  const page = html`
    <!DOCTYPE html>
    <html lang="en">
    <meta charset="utf-8">
    <title>Weir, measured</title>
    <style>${raw(STYLE)}</style>
    <h1>Weir, measured</h1>
    <p>${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}.
    ${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ")}.</p>
    ${quick ? html`<p class="missed">Measured with --quick: these figures prove nothing.</p>` : ""}
    ${scenarios.map(({ name, method, tables, figures, plots }) =>
      html`
        <h2>${name}</h2>
        <p>${method}</p>
        ${figures.length === 0 ? "" : html`
          <table>
            <caption>Figures</caption>
            <tr>
              <th>figure<th>measured<th>goal</tr>
          ${figures.map((figure) =>
            html`
              <tr>
                <td>${figure.name}
              <td class="${isMet(figure) ? "" : "missed"}">${shown(figure.value)} ${figure.unit}
              <td>${goalOf(figure)}</tr>
            `
          )}</table>
        `}
        ${tables.map(({ title, columns, rows }) =>
          html`<table><caption>${title}</caption>
<tr>${columns.map((column) => html`<th>${column}`)}</tr>
${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${shown(cell)}`)}</tr>`)}</table>`
        )}
        ${plots.map((plot) => raw(pictureOf(plot)))}
      `
    )}
    </html>
  `;
  return String(page);
}

/** A plot as an SVG picture. */
function pictureOf({ title, kind, x, y, logarithmic = false, series }: Plot): string {
  const chart = echarts.init(null, null, {
    renderer: "svg",
    ssr: true,
    width: WIDTH,
    height: HEIGHT,
  });
  const axis = {
    type: logarithmic ? "log" as const : "value" as const,
    nameLocation: "middle" as const,
  };
  chart.setOption({
    animation: false,
    title: { text: title, top: 4, textStyle: { fontSize: 15 } },
    legend: { top: 32 },
    grid: { top: 64, left: 72, right: 24, bottom: 52 },
    xAxis: { ...axis, name: x, nameGap: 30 },
    yAxis: { ...axis, name: y, nameGap: 52 },
    series: series.map(({ name, points }) => ({
      name,
      type: kind === "bars" ? "bar" as const : "line" as const,
      symbolSize: points.length > 40 ? 0 : 6,
      data: points.map(([a, b]) => [a, b]),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
