/**
 * `model add`: a network from anywhere becomes a model of the repository, or a version of one.
 *
 * Owns the order: fetched, laid out, described, run once, and only then put into its place.
 * Invariant: a repository has all of the new version, with the digest of each of its files, or none
 * of it.
 *
 * @module
 */
import { dirname, join } from "node:path";
import type { ModelFiles } from "../worker/engines/engine.ts";
import { readModel, SETTINGS, VERSION } from "../worker/models/repository.ts";
import { defaultChanges, defaultOf, readAllSettings, textOf } from "./defaults.ts";
import { checkDescribed, type Described, describeModel, describeVersion } from "./description.ts";
import { checkDigests, digestsOf, type Expected, parseDigests } from "./digests.ts";
import { Downloads } from "./downloads.ts";
import { type Fetched, fetchSource } from "./fetch.ts";
import { filesOf } from "./network.ts";
import type { ModelParts } from "./parts.ts";
import { DownloadProgress } from "./progress.ts";
import { guessOutput, type Made, type Settings } from "./settings.ts";
import { bytesIn, sizeOf } from "./size.ts";
import { type Source, sourceOf } from "./source.ts";
import { Staging, withOsStates } from "./staging.ts";
import { isThere, type Target, targetOf } from "./target.ts";
import { engineFor, noise, Trial } from "./trial.ts";

/** What is to be added. */
export interface AddOptions extends Described {
  /** A name of the catalogue, an address or a path. */
  readonly source: string;
  readonly name?: string | undefined;
  readonly version?: number | undefined;
  readonly default: boolean;
  /** `HEX` of the file that the source names, `FILE=HEX` of a file of the version. */
  readonly sha256: readonly string[];
}

/**
 * Adds a model or a version.
 *
 * @throws {ModelError} saying what is wrong; the repository is as it was
 * @throws the signal's reason once it aborts; the repository is as it was
 */
export async function addModel(options: AddOptions, parts: ModelParts): Promise<void> {
  await addFrom(await sourceOf(options.source), options, parts);
}

/** The same, of a source that has been told apart already. */
export async function addFrom(
  source: Source,
  options: AddOptions,
  parts: ModelParts,
): Promise<void> {
  const { config: { WEIR_MODELS: repository }, signal, write } = parts;
  await withOsStates(`add "${options.source}"`, async () => {
    const isFirst = !await isThere(repository);
    try {
      await Deno.mkdir(repository, { recursive: true });
      await Staging.change(repository, async (staging) => {
        const target = await targetOf(staging.repository, { ...options, otherwise: source.name });
        await checkDescribed(target, options);
        await new Addition(source, target, options, parts, staging).run();
      }, write);
    } catch (error) {
      // A folder that was made for this goes with it.
      if (isFirst) await Deno.remove(repository).catch(() => {});
      signal.throwIfAborted();
      throw error;
    }
  });
}

/** What a network was found to be when it ran. */
interface Tried extends Made {
  readonly files: ModelFiles;
  readonly engine: string;
}

/** One addition under way. */
class Addition {
  readonly #source: Source;
  readonly #target: Target;
  readonly #options: AddOptions;
  readonly #expected: readonly Expected[];
  readonly #parts: ModelParts;
  readonly #staging: Staging;
  /** The model's folder while it is prepared. */
  readonly #staged: string;

  constructor(
    source: Source,
    target: Target,
    options: AddOptions,
    parts: ModelParts,
    staging: Staging,
  ) {
    this.#source = source;
    this.#target = target;
    this.#options = options;
    this.#expected = parseDigests(options.sha256);
    this.#parts = parts;
    this.#staging = staging;
    this.#staged = join(staging.models, target.name);
  }

  async run(): Promise<void> {
    const { config, clock, signal } = this.#parts;
    const folder = join(config.WEIR_DATA_DIR, "downloads");
    await using downloads = new Downloads({ folder, clock, signal });
    const fetched = await this.#fetch(downloads);
    await this.#layOut(fetched);
    const tried = await this.#tryOut(await this.#describe(fetched, downloads));
    signal.throwIfAborted();
    await this.#putInPlace(tried.settings);
    await downloads.forget();
    await this.#tell(tried);
  }

  async #fetch(downloads: Downloads): Promise<Fetched> {
    using progress = new DownloadProgress(this.#parts.terminal);
    return await fetchSource(this.#source, {
      downloads,
      folder: await this.#staging.folder("fetched"),
      onFile: (name) => progress.onFile(name),
      signal: this.#parts.signal,
    });
  }

  get #version(): string {
    return join(this.#staged, this.#target.version);
  }

  /** Copies the files of the network to where a repository has them. */
  async #layOut({ network }: Fetched): Promise<void> {
    for (const [from, to] of await filesOf(network)) {
      this.#parts.signal.throwIfAborted();
      const path = join(this.#version, to);
      await Deno.mkdir(dirname(path), { recursive: true });
      await Deno.copyFile(join(dirname(network.entry), from), path);
    }
  }

  /** Checks the digests and writes what is known of the model beside its version. */
  async #describe(fetched: Fetched, downloads: Downloads): Promise<Made> {
    const { source: name } = this.#options;
    const digests = await digestsOf(this.#version);
    try {
      await checkDigests(this.#expected, { name, original: fetched.original, digests });
    } catch (error) {
      await downloads.forget();
      throw error;
    }
    const made = this.#target.isNew
      ? await describeModel(this.#staged, this.#target, this.#source, fetched, this.#options)
      : await describeVersion(this.#staged, this.#target);
    const sha256 = { ...made.settings.sha256 as Settings | undefined };
    for (const [path, digest] of Object.entries(digests)) {
      sha256[`${this.#target.version}/${path}`] = digest;
    }
    const settings = { ...made.settings, sha256 };
    await this.#write(settings);
    return { ...made, settings };
  }

  /** Writes settings to be tried: what they say of other versions is not of this one. */
  async #write(settings: Settings): Promise<void> {
    const { version } = this.#target;
    const sha256 = Object.entries(settings.sha256 as Settings).filter(([path]) => {
      const [first, second] = path.split("/");
      return first === version || second === undefined || !VERSION.test(first!);
    });
    const text = textOf({ ...settings, sha256: Object.fromEntries(sha256) });
    await Deno.writeTextFile(join(this.#staged, SETTINGS), text);
  }

  /** Runs the network as a worker would, which also tells how its answer is to be read. */
  async #tryOut(made: Made): Promise<Tried> {
    const { config: { WEIR_OUTPUT_BYTES_MAX: outputBytesMax }, signal } = this.#parts;
    const files = await readModel(this.#staged);
    const { engine, reason } = await engineFor(files, this.#parts);
    if (engine === undefined) return { ...made, files, engine: `not tried: ${reason}` };
    using trial = await Trial.load(engine, files);
    const described = this.#target.isNew
      ? guessOutput(made, (await trial.run(noise(files.config.input), signal)).output, files)
      : made;
    await this.#write(described.settings);
    const final = await readModel(this.#staged);
    await trial.warmUp(final, signal, { outputBytesMax });
    return { ...described, files: final, engine: `tried with ${engine.description}` };
  }

  /** The last step, in which nothing is waited for but the disk. */
  async #putInPlace(settings: Settings): Promise<void> {
    const { name, version, isNew, folder } = this.#target;
    const { repository } = this.#staging;
    const all = await readAllSettings(repository);
    const chosen = this.#options.default || all.size === 0 ? name : defaultOf(all);
    const changes = defaultChanges(all.set(name, settings), chosen);
    const own = changes.get(name) ?? settings;
    changes.delete(name);
    for (const [other, changed] of changes) {
      await this.#staging.rewrite(join(repository, other, SETTINGS), textOf(changed));
    }
    if (isNew) {
      await Deno.writeTextFile(join(this.#staged, SETTINGS), textOf(own));
      this.#staging.move(this.#staged, folder);
    } else {
      // Digests come behind their files: a worker that starts between the two finds all of them.
      this.#staging.move(this.#version, join(folder, version));
      await this.#staging.rewrite(join(folder, SETTINGS), textOf(own));
    }
    await this.#staging.commit();
  }

  async #tell({ files, notes, engine }: Tried): Promise<void> {
    const { write } = this.#parts;
    const { name, version, isNew, folder } = this.#target;
    const { width, height } = files.config.input;
    for (const note of notes) write(note);
    const size = sizeOf(await bytesIn(join(folder, version)));
    write(
      `added "${name}" version ${version}: ${files.format}, ${width}×${height} pixels, ` +
        `${files.labels.length} labels, ${size}, ${engine}`,
    );
    const taken = isNew
      ? "workers serve it once they are restarted"
      : "running workers pick it up, unless a higher version or a rollout takes precedence";
    write(`${taken}; its settings are in "${join(folder, SETTINGS)}"`);
  }
}
