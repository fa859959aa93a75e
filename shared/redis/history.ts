/**
 * The last hour as the gateways keep it: one stream for all of them, which belongs to no shard.
 *
 * Borrows the commands. Invariant: the stream is bounded, and gone an hour after the last text.
 *
 * @module
 */
import type { History, HistoryPart } from "../history.ts";
import type { Commands } from "./guard.ts";
import { HISTORY_KEY } from "./keys.ts";

/** How long a text is kept at least, unless there are too many. */
const KEEP_MS = 3_600_000;

/** Texts at most: an hour of 16 gateways that keep one in ten seconds, some 4 MB. */
const TEXTS_MAX = 5_760;

export class RedisHistory implements History {
  readonly #commands: Commands;

  constructor(commands: Commands) {
    this.#commands = commands;
  }

  async append(text: string): Promise<void> {
    await this.#commands.run((client) =>
      Promise.all([
        client.xadd(HISTORY_KEY, "MAXLEN", "~", TEXTS_MAX, "*", "text", text),
        client.pexpire(HISTORY_KEY, KEEP_MS),
      ])
    );
  }

  async since(cursor: string | undefined): Promise<HistoryPart> {
    const from = cursor === undefined ? "-" : `(${cursor}`;
    const entries = await this.#commands.run((client) => client.xrange(HISTORY_KEY, from, "+"));
    return {
      texts: entries.map(([, [, text]]) => text!),
      cursor: entries.at(-1)?.[0] ?? cursor ?? "0-0",
    };
  }
}
