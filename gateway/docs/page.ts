/**
 * The OpenAPI document as a page for people: plain HTML, which needs no script and no other host.
 *
 * Owns the page. Never says what the document does not.
 * Invariant: every operation, schema and error of the document has its place and its anchor.
 *
 * @module
 */
import { html } from "hono/html";
import type { OpenApiDocument } from "../openapi.ts";
import {
  type Answer,
  codesOf,
  type Group,
  groupsOf,
  type Operation,
  type Parameter,
  type Place,
  type Problem,
  problemsOf,
} from "./document.ts";
import { PROBLEM_TYPE } from "../problem.ts";
import { kindOf, type Member, membersOf, type Schema, type Word } from "./schema.ts";

type Html = ReturnType<typeof html>;

/** Makes the page. */
export async function docsPage(document: OpenApiDocument): Promise<string> {
  const { info: { title, description = "" }, openapi, components } = document;
  const groups = groupsOf(document);
  const schemas = Object.entries(components?.schemas ?? {}) as [string, Schema][];
  const page = html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>${title}: the HTTP interface</title>
        <link rel="icon" href="page/icon.svg">
        <link rel="stylesheet" href="page/theme.css">
        <link rel="stylesheet" href="page/docs.css">
      </head>
      <body>
        <header class="masthead">
          <a class="brand" href="./"><img src="page/icon.svg" alt="">${title}</a>
          <nav aria-label="Pages">
            <a href="./">Photos</a>
            <a href="dashboard">Dashboard</a>
            <a href="docs" aria-current="page">HTTP interface</a>
          </nav>
        </header>
        <nav class="contents" aria-label="Contents">
          ${groups.map(contentsOf)}
          <h2>Besides</h2>
          <ul>
            <li><a href="#schemas">Schemas</a></li>
            <li><a href="#errors">Errors</a></li>
          </ul>
        </nav>
        <main>
          <h1>The HTTP interface</h1>
          <p>${prose(description)}</p>
          <p>For programs it is described as <a href="openapi.json">OpenAPI ${openapi}</a>.</p>
          ${groups.map(groupPart)}
          <section id="schemas">
            <h2>Schemas</h2>
            ${schemas.map(schemaPart)}
          </section>
          <section id="errors">
            <h2>Errors</h2>
            <p>Each is a ${shown({ schema: "Problem" })}.</p>
            <dl>${problemsOf(document).map(problemPart)}</dl>
          </section>
        </main>
      </body>
    </html>
  `;
  return String(await page).trimStart();
}

function contentsOf({ name, places }: Group): Html {
  return html`
    <h2>${name}</h2>
    <ul>${places.map((place) => html`<li>${placeLink(place)}</li>`)}</ul>
  `;
}

function placeLink({ verb, path, operation }: Place): Html {
  const link = `#${operation.operationId}`;
  return html`<a href="${link}"><span class="verb">${verb}</span> <code>${path}</code></a>`;
}

function groupPart({ name, description, places }: Group): Html {
  return html`
    <section>
      <h2>${name}</h2>
      <p>${prose(description)}</p>
      ${places.map(operationPart)}
    </section>
  `;
}

function operationPart(place: Place): Html {
  const { operationId, summary, description = "", parameters = [], requestBody, responses } =
    place.operation;
  const codes = codesOf(place.operation);
  return html`
    <article id="${operationId}">
      <h3>${placeLink(place)}</h3>
      <p>${prose(`${summary}. ${description} ${keyNeeded(place.operation)}`)}</p>
      ${parameters.length > 0 && part("Parameters", parameters.map(parameterEntry))}
      ${requestBody && bodyPart(requestBody)}
      ${part("Answers", Object.entries(responses).filter(isNoProblem).map(answerEntry))}
      <h4>Problems</h4>
      <ul class="codes">${codes.map((code) => html`<li>${problemLink(code)}</li>`)}</ul>
    </article>
  `;
}

function keyNeeded({ security: [requirement] }: Operation): string {
  if (requirement === undefined) return "Needs no key.";
  const [role] = Object.values(requirement).flat();
  return role === undefined ? "" : `Needs a key of role \`${role}\`.`;
}

function part(title: string, entries: readonly Html[]): Html {
  return html`
    <h4>${title}</h4>
    <dl>${entries}</dl>
  `;
}

function entry(term: string, kind: readonly Word[], about: unknown): Html {
  return html`
    <dt><code>${term}</code> <span class="kind">${kind.map(shown)}</span></dt>
    <dd>${about}</dd>
  `;
}

function parameterEntry({ name, in: place, schema }: Parameter): Html {
  return entry(name, [`${place}, `, ...kindOf(schema)], prose(schema.description ?? ""));
}

function bodyPart({ description, content }: NonNullable<Operation["requestBody"]>): Html {
  const entries = Object.entries(content).map(([type, { schema }]) =>
    entry(type, [], schema && membersPart(schema))
  );
  return html`
    <h4>Body</h4>
    <p>${prose(description)}</p>
    <dl>${entries}</dl>
  `;
}

function isNoProblem([, { content = {} }]: readonly [string, Answer]): boolean {
  return !(PROBLEM_TYPE in content);
}

function answerEntry(
  [status, { description, headers = {}, content = {} }]: [string, Answer],
): Html {
  const [type, media] = Object.entries(content)[0] ?? ["no body"];
  const sent = Object.keys(headers).map((name) => `\`${name}\``).join(", ");
  const about = prose(`${description}.${sent && ` With ${sent}.`}`);
  const { schema } = media ?? {};
  return entry(status, schema ? kindOf(schema) : [type], [about, schema && membersPart(schema)]);
}

function schemaPart([name, schema]: readonly [string, Schema]): Html {
  const { description = "", examples = [] } = schema;
  return html`
    <article id="schema-${name}">
      <h3>${name}</h3>
      <p>${prose(description)}</p>
      ${membersPart(schema)} ${examples.map(examplePart)}
    </article>
  `;
}

function examplePart(example: unknown): Html {
  return html`
    <details>
      <summary>Example</summary>
      <pre><code>${JSON.stringify(example, null, 2)}</code></pre>
    </details>
  `;
}

function membersPart(schema: Schema): Html | undefined {
  const members = membersOf(schema);
  return members.length > 0 ? html`<dl>${members.map(memberEntry)}</dl>` : undefined;
}

function memberEntry({ path, kind, optional, description = "" }: Member): Html {
  return entry(path, optional ? [...kind, ", optional"] : kind, prose(description));
}

function problemPart({ code, status, title, detail }: Problem): Html {
  return html`
    <dt
      id="error-${code}"><code>${code}</code> <span class="kind">${status} ${title}</span></dt>
    <dd>${detail}</dd>
  `;
}

function problemLink(code: string): Html {
  return html`<a href="#error-${code}"><code>${code}</code></a>`;
}

function shown(word: Word): Html | string {
  if (typeof word === "string") return word;
  return html`<a href="#schema-${word.schema}">${word.schema}</a>`;
}

/** A text; what stands between backticks is code. */
function prose(text: string): (Html | string)[] {
  return text.split("`").map((part, i) => i % 2 === 0 ? part : html`<code>${part}</code>`);
}
