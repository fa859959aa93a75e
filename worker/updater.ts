/**
 * The updater: keeps the models of a running worker as its repository has them.
 *
 * Owns what it has complained of. A new version is opened and tried beside the one that is served,
 * and takes its place between two jobs. Which models there are, and which is the default, is settled
 * when the worker starts.
 * Invariant: a model that cannot be updated stays as it is, and the log says why, once; one name
 * answers with one kind of answer for as long as the worker runs.
 *
 * @module
 */
import type { Log } from "../shared/log.ts";
import type { ModelCard } from "../shared/model_card.ts";
import { orAborted } from "../shared/or_aborted.ts";
import type { ModelFiles } from "./engines/engine.ts";
import type { ModelThread } from "./model_thread.ts";
import { type Lineup, type ModelTable, versionsOf } from "./model_table.ts";
import { faultOf, ModelError } from "./models/model_error.ts";
import { isAmong, type Survey } from "./models/repository.ts";
import type { Served } from "./served_model.ts";

export interface UpdaterParts {
  readonly repository: Pick<ModelThread, "survey" | "watch">;
  readonly table: ModelTable;
  /** Names of the models to serve; all of the repository unless given. */
  readonly names?: readonly string[] | undefined;
  /** Opens a version: what it gives has answered once. */
  readonly open: (files: ModelFiles, signal: AbortSignal) => Promise<Served>;
  /** Makes known what is served now. */
  readonly announce: () => Promise<void>;
  readonly log: Log;
}

export class Updater {
  readonly #parts: UpdaterParts;
  /** What was wrong when it was last looked, by the name of the model; `""` is the repository. */
  readonly #complaints = new Map<string, string>();
  #changed = Promise.withResolvers<void>();

  constructor(parts: UpdaterParts) {
    this.#parts = parts;
  }

  /** Something may have changed: `run` looks once more. */
  look(): void {
    this.#changed.resolve();
  }

  /** Begins to watch the repository, as the folder is now. */
  async watch(): Promise<void> {
    const { repository, log } = this.#parts;
    try {
      await repository.watch(() => this.look());
    } catch (error) {
      log.error("models are not watched, a change needs SIGHUP or a restart", {
        error: faultOf(error),
      });
    }
  }

  /** Follows the repository until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (true) {
      await orAborted(this.#changed.promise, signal);
      if (signal.aborted) return;
      this.#changed = Promise.withResolvers();
      // The folder may be another one by now, under the same name.
      await this.watch();
      await orAborted(this.runOnce(signal), signal);
    }
  }

  /** Opens models for the first time. @throws {ModelError} where one cannot be served */
  async start(models: readonly ModelFiles[], signal: AbortSignal): Promise<void> {
    for (const [name, files] of Map.groupBy(models, ({ name }) => name)) {
      await this.#serve(name, files, signal);
    }
  }

  /** Looks at the repository, and updates the models that it has differently. */
  async runOnce(signal: AbortSignal): Promise<void> {
    const { table, names, announce } = this.#parts;
    const survey = await this.#survey();
    if (survey === undefined) return;
    let updated = false;
    for (const name of table.names) {
      try {
        updated = await this.#update(name, survey, signal) || updated;
        this.#complaints.delete(name);
      } catch (error) {
        this.#complain(name, error);
      }
    }
    for (const { name } of survey.models) {
      if (table.names.includes(name) || !isAmong(name, names)) continue;
      this.#complain(name, new ModelError("it is new, a worker serves it after a restart"));
    }
    if (updated) await announce();
  }

  async #survey(): Promise<Survey | undefined> {
    try {
      const survey = await this.#parts.repository.survey();
      this.#complaints.delete("");
      return survey;
    } catch (error) {
      this.#complain("", error);
      return undefined;
    }
  }

  /** Serves a model as the repository has it; says whether that is new. */
  async #update(name: string, { models, faults }: Survey, signal: AbortSignal): Promise<boolean> {
    const { table, log } = this.#parts;
    const fault = faults.get(name);
    if (fault !== undefined) throw new ModelError(fault);
    const files = models.filter((model) => model.name === name);
    if (files.length === 0) throw new ModelError("it is not in the repository any more");
    const before = table.lineup(name);
    const isDefault = before.main.files.config.default;
    const lineup = await this.#serve(
      name,
      files.map((one) => ({ ...one, config: { ...one.config, default: isDefault } })),
      signal,
    );
    if (lineup === undefined || isSame(lineup, before)) return false;
    log.info("model updated", { model: name, ...fieldsOf(lineup), before: textOf(before) });
    return true;
  }

  /** Opens what is not open yet and puts it into the table; nothing where the signal aborts. */
  async #serve(
    name: string,
    files: readonly ModelFiles[],
    signal: AbortSignal,
  ): Promise<Lineup | undefined> {
    const { table, open } = this.#parts;
    using opened = new DisposableStack();
    const versions: Served[] = [];
    for (const wanted of files) {
      const same = table.versions(name).find((model) => keyOf(model.files) === keyOf(wanted));
      versions.push(same ?? opened.use(await open(wanted, signal)));
    }
    if (signal.aborted) return undefined;
    const [main, rolledOut] = versions;
    const [known = main!] = table.versions(name);
    for (const { card } of versions) checkContract(card, known.card);
    const percent = files.at(-1)!.config.rollout?.percent;
    const lineup = {
      main: main!,
      ...(rolledOut && percent !== undefined && { rollout: { model: rolledOut, percent } }),
    };
    table.set(name, lineup);
    opened.move(); // from here on they are the table's
    return lineup;
  }

  /** Says what is wrong, unless that was said before. */
  #complain(name: string, error: unknown): void {
    const { table, log } = this.#parts;
    const fault = faultOf(error);
    if (this.#complaints.get(name) === fault) return;
    this.#complaints.set(name, fault);
    if (name === "") return log.error("models stay as they are", { error: fault });
    const versions = table.versions(name).map(({ card }) => card.version);
    const fields = { model: name, version: versions.join(" and "), error: fault };
    if (versions.length === 0) log.warn("model is not served", { model: name, error: fault });
    else log.error("model stays as it is", fields);
  }
}

/** What makes two versions the same network with the same settings. */
function keyOf({ config: { rollout: _, sha256: __, ...config }, ...files }: ModelFiles): string {
  return JSON.stringify({ ...files, config });
}

/**
 * Checks that a version answers what clients count on: the kind, and the shape of numbers. Classes
 * may be others, answers name them.
 *
 * @throws {ModelError} where it does not
 */
function checkContract(card: ModelCard, known: ModelCard): void {
  const [answers, expected] = [contractOf(card), contractOf(known)];
  if (answers === expected) return;
  throw new ModelError(
    `cannot serve version ${card.version} of "${card.name}": it answers with ${answers}, ` +
      `version ${known.version}, which is served, with ${expected}`,
  );
}

function contractOf({ output: { kind, shape } }: ModelCard): string {
  return kind === "classes" ? `"${kind}"` : `"${kind}" of the shape [${shape.join(", ")}]`;
}

function isSame(a: Lineup, b: Lineup): boolean {
  return a.main === b.main && a.rollout?.model === b.rollout?.model &&
    a.rollout?.percent === b.rollout?.percent;
}

function fieldsOf({ main, rollout }: Lineup): Record<string, string | number> {
  return {
    version: main.card.version,
    ...(rollout && { rollout: rollout.model.card.version, percent: rollout.percent }),
  };
}

function textOf(lineup: Lineup): string {
  return versionsOf(lineup).map(({ card }) => card.version).join(" and ");
}
