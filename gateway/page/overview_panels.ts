/**
 * What is now, as numbers and tables.
 *
 * @module
 */
import { html, nothing, type TemplateResult } from "lit-html";
import type { View } from "../dashboard/view.ts";
import { ago, bytes, counted, duration, number } from "./words.ts";

/** What is wrong; a sentence too where nothing is. */
export function troublesPanel(troubles: View["troubles"]): TemplateResult {
  if (troubles.length === 0) {
    return html`<p class="trouble" data-level="none">All is well: every model has a worker, and Redis answers.</p>`;
  }
  return html`
    <ul>${troubles.map(({ level, text }) =>
      html`<li class="trouble" data-level=${level}>${text}</li>`
    )}</ul>
  `;
}

/** The numbers that matter most. */
export function tiles(view: View): TemplateResult {
  const { jobs, bytes: queued, oldestMs, donePerSecond, batchImages, stages, letters } = view;
  const total = stages.find(({ stage }) => stage === "total")!;
  const pending = view.models.reduce((sum, model) => sum + model.pending, 0);
  return html`
    <dl class="tiles">
      ${tile(
        "Jobs in the queue",
        number(jobs),
        `${bytes(queued)}; ${number(pending)} begun`,
      )}
      ${tile("Oldest job", jobs === 0 ? "–" : duration(oldestMs), "since it was accepted")}
      ${tile("Answered a second", number(donePerSecond), "over the last minute")}
      ${tile("Time to the answer", time(total.p50Ms), `median; 95%: ${time(total.p95Ms)}`)}
      ${tile(
        "Images in a batch",
        batchImages === null ? "–" : number(batchImages),
        "over five minutes",
      )}
      ${tile(
        "Dead letters",
        number(letters.total),
        letters.total === 0 ? "no job was given up" : "given up; see below",
      )}
    </dl>
  `;
}

function tile(name: string, value: string, hint: string): TemplateResult {
  return html`
    <div class="panel tile">
      <dt>${name}</dt>
      <dd><span class="value">${value}</span><span class="hint">${hint}</span></dd>
    </div>
  `;
}

/** Tables of who is there, and how they are. */
export function details(view: View): TemplateResult {
  return html`
    <div>${stagesTable(view)}</div>
    <div>${modelsTable(view)} ${workersTable(view)}</div>
    ${gatewaysPanel(view)}
  `;
}

const MEANINGS: Readonly<Record<string, string>> = {
  queue: "until a worker begins it",
  decode: "from bytes to pixels",
  wait: "for the batch before",
  infer: "the model’s run",
  reply: "until Redis has the answer",
  total: "from acceptance to the answer",
};

function stagesTable({ stages }: View): TemplateResult {
  return table({
    title: "Stages",
    hint: "jobs of the last five minutes",
    heads: ["Stage", "Mean", "Median", "95%", "99%"],
    rows: stages.map(({ stage, meanMs, p50Ms, p95Ms, p99Ms }) => [
      html`<span class="swatch" data-stage=${stage}></span>${stage}
        <span class="hint">${MEANINGS[stage]}</span>`,
      ...[meanMs, p50Ms, p95Ms, p99Ms].map(time),
    ]),
    none: "",
  });
}

function modelsTable({ models, limits }: View): TemplateResult {
  return table({
    title: "Models",
    hint: `each queue takes ${number(limits.jobs)} jobs or ${bytes(limits.bytes)}`,
    heads: ["Model", "Workers", "Queue", "Bytes", "Oldest", "Dead"],
    rows: models.map((model) => [
      model.model,
      number(model.workers),
      number(model.jobs),
      bytes(model.bytes),
      model.jobs === 0 ? "–" : duration(model.oldestMs),
      number(model.deadLetters),
    ]),
    none: "No worker has offered a model yet.",
  });
}

function workersTable({ workers }: View): TemplateResult {
  return table({
    title: "Workers",
    hint: "each reports regularly that it is alive",
    heads: ["Worker", "Engine", "Models", "Heartbeat"],
    rows: workers.map(({ name, engine, models, beatMs }) => [
      name,
      engine === "" ? "–" : engine,
      models.join(", "),
      beatMs === null ? html`<span class="badge" data-level="fault">silent</span>` : ago(beatMs),
    ]),
    none: "No worker is alive.",
  });
}

function gatewaysPanel({ gateways, gateway, servers, shards }: View): TemplateResult {
  const breaker = shards.away === 0
    ? "closed"
    : `open for ${counted(shards.away, "shard")} of ${shards.all}`;
  return html`
    <section class="panel deployment">
      <h2>Redis and gateways</h2>
      <dl class="facts">
        ${servers.map((server) =>
          html`
            ${fact("Redis", server.version)}
            ${fact("Memory", memory(server))}
            ${fact("Commands", `${number(server.commandsPerSecond)} a second`)}
            ${fact("Connections", number(server.connections))}
          `
        )}
        ${fact("Shards", number(shards.all))}
        ${fact(
          "Breaker",
          html`<span class="badge" data-level=${
            shards.away === 0 ? "none" : "fault"
          }>${breaker}</span>`,
        )}
        ${fact(
          counted(gateways.length, "gateway"),
          html`<ul>${
            gateways.map((name) =>
              html`<li>${name}${
                name === gateway
                  ? html`
                    <span class="hint">serves this page</span>
                  `
                  : nothing
              }</li>`
            )
          }</ul>`,
        )}
      </dl>
    </section>
  `;
}

function memory({ memoryBytes, memoryBytesMax }: View["servers"][number]): string {
  return memoryBytesMax === 0
    ? bytes(memoryBytes)
    : `${bytes(memoryBytes)} of ${bytes(memoryBytesMax)}`;
}

function fact(name: string, value: unknown): TemplateResult {
  return html`
    <div>
      <dt>${name}</dt>
      <dd>${value}</dd>
    </div>
  `;
}

function table({ title, hint, heads, rows, none }: {
  readonly title: string;
  readonly hint: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
  /** What stands instead of no rows. */
  readonly none: string;
}): TemplateResult {
  return html`
    <section class="panel">
      <h2>${title}</h2>
      <p class="hint">${hint}</p>
      ${rows.length === 0 ? html`<p>${none}</p>` : html`
        <div class="scroll" tabindex="0" role="group" aria-label=${title}>
          <table>
            <thead>
              <tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr>
            </thead>
            <tbody>
              ${rows.map(([head, ...cells]) =>
                html`<tr><th scope="row">${head}</th>${
                  cells.map((cell) => html`<td>${cell}</td>`)
                }</tr>`
              )}
            </tbody>
          </table>
        </div>
      `}
    </section>
  `;
}

function time(ms: number | null): string {
  return ms === null ? "–" : duration(ms);
}
