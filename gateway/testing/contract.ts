/**
 * The OpenAPI document as a judge of answers.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { createApp } from "../app.ts";
import type { OpenApiDocument } from "../openapi.ts";

interface Described {
  readonly content?: Readonly<Record<string, { readonly schema?: unknown }>>;
  readonly headers?: Readonly<Record<string, { readonly required?: boolean }>>;
}

type Operation = { readonly responses: Readonly<Record<string, Described>> };

/** An application without a port. */
export interface Asked extends Pick<ReturnType<typeof createApp>, "routes" | "fetch"> {
  request(path: string, init?: RequestInit): Promise<Response>;
}

/** Judges by their documents: to make one takes as long as a whole test. */
const judges = new Map<string, Contract>();

/** The same application, each of its answers held against its own document. */
export function judged(app: ReturnType<typeof createApp>): Asked {
  return {
    routes: app.routes,
    fetch: app.fetch,
    request: async (path, init = {}) => {
      const { method = "GET" } = init;
      const response = await app.request(path, init);
      // A preflight is the browser's own, no operation.
      if (method === "OPTIONS") return response;
      const document = await (await app.request("/openapi.json")).text();
      const judge = judges.get(document) ?? new Contract(JSON.parse(document));
      judges.set(document, judge);
      const { pathname } = new URL(path, "http://localhost");
      await judge.assertKept(method, pathname, response);
      return response;
    },
  };
}

export class Contract {
  readonly document: OpenApiDocument;
  readonly #ajv = new Ajv2020({
    strict: false,
    formats: { "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ },
  });

  constructor(document: OpenApiDocument) {
    this.document = document;
    this.#ajv.addSchema(document, "document");
  }

  /**
   * Asserts that an answer is one of those that the document has for such a request. Its body can
   * still be read; one without a schema, as a stream has none, is not touched.
   */
  async assertKept(method: string, path: string, response: Response): Promise<void> {
    const template = this.#template(path);
    if (template === undefined) return assert([401, 403, 404].includes(response.status));
    const operations = this.document.paths![template] as Record<string, Operation>;
    const verb = method === "HEAD" ? "get" : method.toLowerCase();
    const operation = operations[verb];
    if (operation === undefined) return assert([401, 403, 405].includes(response.status));
    const { status, headers } = response;
    const about = `${method} ${template} answers ${status}`;
    const described = operation.responses[status];
    assert(described, `${about}, which is not described`);
    for (const [name, { required }] of Object.entries(described.headers ?? {})) {
      assert(!required || headers.has(name), `${about} without ${name}`);
    }
    if (described.content === undefined) return assert.equal(response.body, null);
    const type = headers.get("content-type") ?? "none";
    const media = described.content[type];
    assert(media, `${about} with type ${type}, which is not described`);
    if (media.schema === undefined || method === "HEAD") return;
    const at = ["paths", template, verb, "responses", String(status), "content", type, "schema"];
    this.assertValid(at, await response.clone().json(), about);
  }

  /** Asserts that a value has the schema at some place of the document. */
  assertValid(at: readonly string[], value: unknown, about: string): void {
    const pointer = at.map((name) => name.replaceAll("~", "~0").replaceAll("/", "~1")).join("/");
    const validate = this.#ajv.getSchema(`document#/${encodeURI(pointer)}`);
    assert(validate, `no schema at ${pointer}`);
    assert(validate(value), `${about}: ${this.#ajv.errorsText(validate.errors)}`);
  }

  #template(path: string): string | undefined {
    return Object.keys(this.document.paths!).find((template) =>
      new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path)
    );
  }
}
