/**
 * The dead letters as their administrators see them: read without their images, made jobs again,
 * thrown away.
 *
 * Borrows the shards. Never writes a letter: that is the settling worker's.
 * Invariant: a letter leaves in the step that makes a job of it, or because somebody said so.
 *
 * @module
 */
import { z } from "zod";
import type { Admission } from "../broker.ts";
import type { DeadLetter, DeadLetterPage, DeadLetters, Replayed } from "../dead_letter.ts";
import { type JobId, type NewJob, newJobId } from "../job.ts";
import type { JobCounts } from "../metrics.ts";
import { fieldsOf } from "./record.ts";
import { runScript, Script } from "./script.ts";
import { DISCARD, READ_LETTER, REPLAY } from "./scripts/dead_letters.ts";
import type { Shard, Shards } from "./shard.ts";
import { fullOf, type FullReply, shareOf, submitCall } from "./submits.ts";

const readScript = new Script(READ_LETTER);
const replayScript = new Script(REPLAY);
const discardScript = new Script(DISCARD);

/** A letter's fields but its images, every value a text as Redis has it. */
const LetterFields = z.object({
  id: z.string(),
  reason: z.string(),
  attempts: z.coerce.number(),
  bytes: z.coerce.number(),
});

export interface RedisDeadLettersParts {
  readonly shards: Shards;
  /** This gateway's name: outcomes of replayed jobs go to its result stream. */
  readonly gateway: string;
  /** Bounds of a model over all shards. */
  readonly admission: Admission;
  /** Told of every letter that became a job. */
  readonly counts?: Pick<JobCounts, "submitted">;
}

/** Where a letter lies. */
interface Place {
  readonly shard: Shard;
  readonly model: string;
  readonly entry: string;
}

export class RedisDeadLetters implements DeadLetters {
  readonly #parts: RedisDeadLettersParts;

  constructor(parts: RedisDeadLettersParts) {
    this.#parts = parts;
  }

  async list(model: string | undefined, max: number): Promise<DeadLetterPage | undefined> {
    const places = (await Promise.all(this.#parts.shards.all.map(modelsOf))).flat()
      .filter((place) => model === undefined || place.model === model);
    if (model !== undefined && places.length === 0) return undefined;
    const counts = await Promise.all(
      places.map(({ shard, model }) => shard.run((client) => client.xlen(shard.keys.dead(model)))),
    );
    const newest = await Promise.all(
      places.map(({ shard, model }) => this.#newest(shard, model, max)),
    );
    return {
      total: counts.reduce((sum, count) => sum + count, 0),
      letters: newest.flat().sort((a, b) => b.failedAt - a.failedAt).slice(0, max),
    };
  }

  /** One letter a step, so that Redis is never held up by the images of a whole page. */
  async #newest(shard: Shard, model: string, max: number): Promise<DeadLetter[]> {
    const letters: DeadLetter[] = [];
    let upTo = "+";
    while (letters.length < max) {
      const read = await this.#read({ shard, model, entry: upTo });
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
    const { shards, gateway, admission, counts } = this.#parts;
    const place = await this.#find(id);
    const read = place && await this.#read(place);
    // Up to the entry of a letter that is gone, the newest is another's.
    if (place === undefined || read?.letter.id !== id) return { kind: "none" };
    const { shard, model, entry } = place;
    const job = newJobId(shard.number, () => crypto.randomUUID());
    const submit = submitCall(
      shard.keys,
      [{ id: job, model, ...terms, replayOf: id, size: read.letter }],
      gateway,
      shareOf(admission, shards.all.length),
    );
    const reply = await runScript(
      shard,
      replayScript,
      [...letterKeys(place), ...submit.keys],
      [entry, job, ...submit.args],
    );
    const answer = reply as ["queued" | "none"] | FullReply;
    if (answer[0] === "full") return fullOf(answer);
    if (answer[0] === "none") return { kind: "none" };
    counts?.submitted(model);
    return { kind: "queued", id: job };
  }

  async firstImage(id: JobId): Promise<Uint8Array | undefined> {
    const place = await this.#find(id);
    if (place === undefined) return undefined;
    const { shard, model, entry } = place;
    const found = await shard.run((client) =>
      client.xrangeBuffer(shard.keys.dead(model), entry, entry)
    );
    const fields = found[0]?.[1] ?? [];
    const name = fields.findIndex((field, i) => i % 2 === 0 && String(field) === "image");
    return name < 0 ? undefined : fields[name + 1];
  }

  async discard(id: JobId): Promise<boolean> {
    const place = await this.#find(id);
    if (place === undefined) return false;
    return await runScript(place.shard, discardScript, letterKeys(place), [place.entry]) === 1;
  }

  async #find(id: JobId): Promise<Place | undefined> {
    const shard = this.#parts.shards.of(id);
    if (shard === undefined) return undefined;
    const found = await shard.run((client) => client.hget(shard.keys.deadIndex(), id));
    const [, entry, model] = /^(\S+) (.+)$/s.exec(found ?? "") ?? [];
    return entry === undefined || model === undefined ? undefined : { shard, model, entry };
  }

  async #read(
    { shard, model, entry: upTo }: Place,
  ): Promise<{ readonly entry: string; readonly letter: DeadLetter } | undefined> {
    const reply = await runScript(shard, readScript, [shard.keys.dead(model)], [upTo]);
    const [entry, images, ...flat] = reply as [] | [string, number, ...string[]];
    if (entry === undefined) return undefined;
    const { id, ...fields } = LetterFields.parse(fieldsOf(flat));
    // An entry's id begins with the time of its XADD by Redis' clock.
    const failedAt = Number(entry.slice(0, entry.indexOf("-")));
    return { entry, letter: { id: id as JobId, model, ...fields, failedAt, images: images! } };
  }
}

function letterKeys({ shard: { keys }, model }: Place): string[] {
  return [keys.dead(model), keys.deadBytes(model), keys.deadIndex()];
}

/** A shard with each model that it knows. */
async function modelsOf(shard: Shard): Promise<Omit<Place, "entry">[]> {
  const models = await shard.run((client) => client.hkeys(shard.keys.models()));
  return models.map((model) => ({ shard, model }));
}
