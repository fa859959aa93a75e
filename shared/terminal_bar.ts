/**
 * A progress bar for programs that run for a while.
 *
 * @module
 */
// @ts-types="npm:@types/cli-progress@3.11.6"
import { Presets, SingleBar } from "cli-progress";

/** Milliseconds between two lines of a bar where there is no terminal. */
const PLAIN_LINE_MS = 5000;

/**
 * Makes a bar, to be started; disposing of it stops it.
 *
 * @param format what it shows, its own tokens and those of the updates in braces
 * @param options `plainLineMs`: time between two lines where there is no terminal
 */
export function terminalBar(
  stream: NodeJS.WritableStream,
  format: string,
  { plainLineMs = PLAIN_LINE_MS } = {},
): SingleBar & Disposable {
  const bar = new SingleBar({
    stream,
    format,
    noTTYOutput: true,
    notTTYSchedule: plainLineMs,
    hideCursor: true,
  }, Presets.shades_classic);
  return Object.assign(bar, { [Symbol.dispose]: () => bar.stop() });
}
