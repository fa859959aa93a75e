/**
 * The log: one line an event, the same form for every role.
 *
 * Owns the two formats of the contract, over LogTape. `std/log` was the wish; it was removed
 * upstream, so this seam is where another library would go in.
 * Invariant: values are names, numbers and ids; never image bytes, never keys.
 *
 * @module
 */
import { configureSync, getLogger, type LogRecord } from "@logtape/logtape";

/** Named values of a line, in the order they are printed. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where parts of the system write. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;

export interface LogOptions {
  readonly level: (typeof LOG_LEVELS)[number];
  readonly format: "text" | "json";
  /** `WEIR_NAME`. */
  readonly server: string;
  /** Entry file and role: `main.ts:worker`. */
  readonly script: string;
  /** Takes one line without its line break. */
  readonly write: (line: string) => void;
}

/** What a terminal or a reader of lines would obey: control characters and line ends. */
const CONTROL = /[\p{Cc}\u2028\u2029]/gu;

/** Quotes a value where it could not be told from what follows it. */
function quoted(value: unknown): string {
  const text = String(value);
  return /^[^\s"=\p{Cc}]+$/u.test(text) ? text : json(text);
}

/** JSON with all of {@linkcode CONTROL} escaped, not only what the grammar asks for. */
function json(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    CONTROL,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Level names as they are printed. */
const LEVEL_NAMES: Readonly<Record<string, string>> = { warning: "WARN" };

/** `[TIMESTAMP] [SERVER_NAME] [SCRIPT_NAME] LEVEL message key=value …` */
function textLine(record: LogRecord, options: LogOptions): string {
  const time = new Date(record.timestamp).toISOString();
  const level = LEVEL_NAMES[record.level] ?? record.level.toUpperCase();
  const pairs = Object.entries(record.properties)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${quoted(value)}`);
  return `[${time}] [${options.server}] [${options.script}] ${level} ${record.rawMessage}${
    pairs.join("")
  }`;
}

/** The same as an object in one line. */
function jsonLine(record: LogRecord, options: LogOptions): string {
  return json({
    time: new Date(record.timestamp).toISOString(),
    server: options.server,
    script: options.script,
    level: LEVEL_NAMES[record.level] ?? record.level.toUpperCase(),
    message: record.rawMessage,
    ...record.properties,
  });
}

/** Sets the process' log up; a second call replaces the first. */
export function openLog(options: LogOptions): Log {
  const line = options.format === "json" ? jsonLine : textLine;
  configureSync({
    reset: true,
    sinks: { lines: (record) => options.write(line(record, options)) },
    loggers: [
      { category: "weir", sinks: ["lines"], lowestLevel: options.level },
      { category: ["logtape", "meta"], sinks: [] },
    ],
  });
  const logger = getLogger("weir");
  return {
    debug: (message, fields) => logger.debug(escaped(message), { ...fields }),
    info: (message, fields) => logger.info(escaped(message), { ...fields }),
    warn: (message, fields) => logger.warn(escaped(message), { ...fields }),
    error: (message, fields) => logger.error(escaped(message), { ...fields }),
  };
}

/** Keeps a message on its line. */
function escaped(message: string): string {
  return message.replaceAll(CONTROL, " ");
}
