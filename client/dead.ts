/**
 * Dead letters from the command line: what lies there, again, away.
 *
 * Owns what a person sees of them. Never touches arguments, streams or exit codes. Where a gateway
 * wants an API key, it wants an administrator's.
 * Invariant: a letter that fails takes no other with it.
 *
 * @module
 */
import { z } from "zod";
import { ask, type Asked, type CommandOptions, errorOf } from "./gateway.ts";

/** Which letters to list, and how to tell. */
export interface DeadListOptions extends CommandOptions {
  /** Name of the model whose letters they are, or all models. */
  readonly model: string | undefined;
  /** Number of letters, as the gateway reads it: it judges the bounds. */
  readonly limit: string | undefined;
}

const Letter = z.object({
  id: z.string(),
  model: z.string(),
  reason: z.string(),
  attempts: z.number(),
  failedAt: z.string(),
  images: z.number(),
  bytes: z.number(),
});
const Page = z.object({ letters: z.array(Letter), total: z.number() });
const Job = z.looseObject({ id: z.string() });

/**
 * Shows the newest letters, one a line.
 *
 * @returns the exit code: 0, or 1 when there is no list
 * @throws the signal's reason once it aborts
 */
export async function listDead(
  { url, key, model, limit, json, write, signal }: DeadListOptions,
): Promise<number> {
  const question = { path: "/admin/dead", query: { model, limit }, key, answer: Page };
  const page = await ask(url, { method: "GET", ...question }, { signal });
  if (json) write(JSON.stringify(page.ok ? page.value : errorOf(page), undefined, 2));
  else write(page.ok ? table(page.value) : page.detail);
  return page.ok ? 0 : 1;
}

/**
 * Makes a new job of each letter.
 *
 * @param ids the dead jobs' ids
 * @returns the exit code: 0, or 1 when any letter failed
 * @throws the signal's reason once it aborts
 */
export async function replayDead(ids: readonly string[], options: CommandOptions): Promise<number> {
  const { key } = options;
  return await each(ids, options, async (path) => {
    const question = { method: "POST", path: `${path}/replay`, key, answer: Job } as const;
    const job = await ask(options.url, question, options);
    if (!job.ok) return job;
    return { ok: true, value: { text: `replayed as ${job.value.id}`, json: { job: job.value } } };
  });
}

/**
 * Throws letters away, with their images.
 *
 * @param ids the dead jobs' ids
 * @returns the exit code: 0, or 1 when any letter failed
 * @throws the signal's reason once it aborts
 */
export async function discardDead(
  ids: readonly string[],
  options: CommandOptions,
): Promise<number> {
  const { key } = options;
  return await each(ids, options, async (path) => {
    const question = { method: "DELETE", path, key, answer: z.undefined() } as const;
    const gone = await ask(options.url, question, options);
    if (!gone.ok) return gone;
    return { ok: true, value: { text: "discarded", json: { discarded: true } } };
  });
}

/** What was done, in words and as members of the letter's JSON. */
interface Told {
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** Takes letter after letter and tells each outcome when it is there; as JSON, all at the end. */
async function each(
  ids: readonly string[],
  { json, write }: CommandOptions,
  act: (path: string) => Promise<Asked<Told>>,
): Promise<number> {
  const entries: unknown[] = [];
  let failed = false;
  for (const id of ids) {
    const done = await act(`/admin/dead/${encodeURIComponent(id)}`);
    failed ||= !done.ok;
    if (json) entries.push({ id, ...(done.ok ? done.value.json : errorOf(done)) });
    else write(`${id}: ${done.ok ? done.value.text : done.detail}`);
  }
  if (json) write(JSON.stringify(entries, undefined, 2));
  return failed ? 1 : 0;
}

/** Columns as wide as their widest cell; the reason, which may be long, is last. */
function table({ letters, total }: z.output<typeof Page>): string {
  if (letters.length === 0) return "no dead letters";
  const rows = [
    ["FAILED AT", "ID", "MODEL", "ATTEMPTS", "IMAGES", "BYTES", "REASON"],
    ...letters.map(({ failedAt, id, model, attempts, images, bytes, reason }) =>
      [failedAt, id, model, attempts, images, bytes, reason].map(String)
    ),
  ];
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, i) => i === row.length - 1 ? cell : cell.padEnd(widths[i]!)).join("  ")
  );
  if (total > letters.length) lines.push(`the newest ${letters.length} of ${total}`);
  return lines.join("\n");
}
