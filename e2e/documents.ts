/**
 * The documents, as somebody reads them: blocks, headings, links, tables.
 *
 * Owns how Markdown is taken apart for the tests. Never runs anything.
 *
 * @module
 */
import { join } from "node:path";
import { ROOT } from "./program.ts";

/** A fenced block. */
export interface Block {
  /** Number of the line on which it begins. */
  readonly line: number;
  /** What stands behind the fence: `sh`. */
  readonly language: string;
  readonly text: string;
}

export interface Document {
  /** Path from the root: `docs/clients.md`. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  /** Headings without their marks, in order. */
  readonly headings: readonly string[];
  /** What links and pictures lead to, as it is written. */
  readonly links: readonly string[];
}

/** The documents of the project: those at the top, and those for its readers. */
export async function readDocuments(): Promise<Document[]> {
  const paths = ["README.md", "ARCHITECTURE.md"];
  for await (const { name } of Deno.readDir(join(ROOT, "docs"))) {
    if (name.endsWith(".md")) paths.push(`docs/${name}`);
  }
  return await Promise.all(paths.map(readDocument));
}

/** Reads one, by its path from the root. */
export async function readDocument(path: string): Promise<Document> {
  return documentOf(path, await Deno.readTextFile(join(ROOT, path)));
}

function documentOf(path: string, text: string): Document {
  const blocks: Block[] = [];
  let prose = "";
  let end = 0;
  for (const found of text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)) {
    const line = text.slice(0, found.index).split("\n").length;
    blocks.push({ line, language: found[1]!, text: found[2]! });
    prose += text.slice(end, found.index);
    end = found.index + found[0].length;
  }
  prose += text.slice(end);
  return {
    path,
    text,
    blocks,
    headings: Array.from(prose.matchAll(/^#+ (.+)$/gm), ([, heading]) => heading!),
    links: Array.from(
      prose.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"/g),
      ([, link, picture]) => (link ?? picture)!,
    ),
  };
}

/** The name by which GitHub lets one link to a heading. */
export function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
}

/** The cells of a table's rows whose first cell is code: `| `name` | …`. */
export function codeRows({ text }: Pick<Document, "text">): string[][] {
  return text.split("\n").filter((line) => line.startsWith("| `"))
    .map((line) => line.slice(1, -1).split("|").map((cell) => cell.trim()));
}

/** What a heading stands over, up to the next heading of its level or above. */
export function sectionOf({ path, text }: Document, heading: string): string {
  const lines = text.split("\n");
  const from = lines.findIndex((line) => line.replace(/^#+ /, "") === heading && line[0] === "#");
  if (from < 0) throw new Error(`cannot read "${heading}" of ${path}: there is no such heading`);
  const level = /^#+/.exec(lines[from]!)![0].length;
  const isNext = new RegExp(`^#{1,${level}} `);
  const length = lines.slice(from + 1).findIndex((line) => isNext.test(line));
  return lines.slice(from, length < 0 ? undefined : from + 1 + length).join("\n");
}
