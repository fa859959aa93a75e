/**
 * The dead letters as their administrators see them: read without their images, made jobs again,
 * thrown away.
 *
 * Borrows the command connection. Never writes a letter: that is the settling worker's.
 * Invariant: a letter leaves in the step that makes a job of it, or because somebody said so.
 *
 * @module
 */
import type { Redis } from "ioredis";
import { z } from "zod";
import type { Admission, DeadLetter, DeadLetterPage, DeadLetters, Replayed } from "../broker.ts";
import { type JobId, type NewJob, newJobId, shardOf } from "../job.ts";
import { guarded } from "./connection.ts";
import { submitCall } from "./job_queue.ts";
import { ShardKeys } from "./keys.ts";
import { fieldsOf } from "./record.ts";
import { runScript, Script } from "./script.ts";
import { DISCARD, READ_LETTER, REPLAY } from "./scripts/dead_letters.ts";

const readScript = new Script(READ_LETTER);
const replayScript = new Script(REPLAY);
const discardScript = new Script(DISCARD);

/** The lane of a replayed job. */
const REPLAY_LANE = 0;

/** A letter's fields but its images, every value a text as Redis has it. */
const LetterFields = z.object({
  id: z.string(),
  reason: z.string(),
  attempts: z.coerce.number(),
  bytes: z.coerce.number(),
});

export interface RedisDeadLettersParts {
  readonly client: Redis;
  readonly shard: number;
  /** This gateway's name: outcomes of replayed jobs go to its result stream. */
  readonly gateway: string;
  readonly admission: Admission;
}

/** Where a letter lies. */
interface Place {
  readonly keys: ShardKeys;
  readonly model: string;
  readonly entry: string;
}

export class RedisDeadLetters implements DeadLetters {
  readonly #parts: RedisDeadLettersParts;

  constructor(parts: RedisDeadLettersParts) {
    this.#parts = parts;
  }

  async list(models: readonly string[], max: number): Promise<DeadLetterPage> {
    const { client, shard } = this.#parts;
    const keys = new ShardKeys(shard);
    const counts = await guarded(
      client,
      () => Promise.all(models.map((model) => client.xlen(keys.dead(model)))),
    );
    const newest = await Promise.all(models.map((model) => this.#newest(keys, model, max)));
    return {
      total: counts.reduce((sum, count) => sum + count, 0),
      letters: newest.flat().sort((a, b) => b.failedAt - a.failedAt).slice(0, max),
    };
  }

  /** One letter a step, so that Redis is never held up by the images of a whole page. */
  async #newest(keys: ShardKeys, model: string, max: number): Promise<DeadLetter[]> {
    const letters: DeadLetter[] = [];
    let upTo = "+";
    while (letters.length < max) {
      const read = await this.#read({ keys, model, entry: upTo });
      if (read === undefined) break;
      letters.push(read.letter);
      upTo = `(${read.entry}`;
    }
    return letters;
  }

  async replay(
    id: JobId,
    terms: Pick<NewJob, "owner" | "timeoutMs" | "keepMs">,
  ): Promise<Replayed> {
    const { client, gateway, admission } = this.#parts;
    const place = await this.#find(id);
    const read = place && await this.#read(place);
    // Up to the entry of a letter that is gone, the newest is another's.
    if (place === undefined || read?.letter.id !== id) return { kind: "none" };
    const { keys, model, entry } = place;
    const job = newJobId(shardOf(id), () => crypto.randomUUID());
    const submit = submitCall(
      { id: job, model, ...terms },
      read.letter,
      gateway,
      admission,
    );
    const reply = await runScript(
      client,
      replayScript,
      [keys.jobs(model, REPLAY_LANE), ...letterKeys(place), ...submit.keys],
      [entry, job, ...submit.args],
    );
    const [kind, jobs, bytes] = reply as ["queued" | "none"] | ["full", number, number];
    if (kind === "full") return { kind, load: { jobs, bytes } };
    return kind === "none" ? { kind } : { kind, id: job };
  }

  async discard(id: JobId): Promise<boolean> {
    const place = await this.#find(id);
    if (place === undefined) return false;
    const { client } = this.#parts;
    return await runScript(client, discardScript, letterKeys(place), [place.entry]) === 1;
  }

  async #find(id: JobId): Promise<Place | undefined> {
    const { client } = this.#parts;
    const keys = new ShardKeys(shardOf(id));
    const found = await guarded(client, () => client.hget(keys.deadIndex(), id));
    const [, entry, model] = /^(\S+) (.+)$/s.exec(found ?? "") ?? [];
    return entry === undefined || model === undefined ? undefined : { keys, model, entry };
  }

  async #read(
    { keys, model, entry: upTo }: Place,
  ): Promise<{ readonly entry: string; readonly letter: DeadLetter } | undefined> {
    const reply = await runScript(this.#parts.client, readScript, [keys.dead(model)], [upTo]);
    const [entry, images, ...flat] = reply as [] | [string, number, ...string[]];
    if (entry === undefined) return undefined;
    const { id, ...fields } = LetterFields.parse(fieldsOf(flat));
    // An entry's id begins with the time of its XADD by Redis' clock.
    const failedAt = Number(entry.slice(0, entry.indexOf("-")));
    return { entry, letter: { id: id as JobId, model, ...fields, failedAt, images: images! } };
  }
}

function letterKeys({ keys, model }: Place): string[] {
  return [keys.dead(model), keys.deadBytes(model), keys.deadIndex()];
}
