/**
 * What a person sees while set-up works: plain lines, and bars for downloads.
 *
 * Never writes anything while nothing happens: a set-up that misses nothing is silent.
 * Invariant: without a terminal, a bar prints at most one line every few seconds.
 *
 * @module
 */
import { terminalBar } from "../shared/terminal_bar.ts";

/** Bytes that have arrived, out of a total known before. */
export interface ProgressBar {
  update(bytesDone: number): void;
  stop(): void;
}

/** Where set-up tells what it does. */
export interface Progress {
  line(text: string): void;
  bar(label: string, bytesTotal: number): ProgressBar;
}

const MEGABYTE = 1e6;
/** Milliseconds between two lines of a bar where there is no terminal. */
const PLAIN_LINE_MS = 3000;

/** Progress on a stream; `process.stderr` of `node:process` is one. */
export function terminalProgress(stream: NodeJS.WritableStream): Progress {
  return {
    line: (text) => void stream.write(`${text}\n`),
    bar(label, bytesTotal): ProgressBar {
      const format = `${label} {bar} {percentage}% of {total} MB`;
      const bar = terminalBar(stream, format, { plainLineMs: PLAIN_LINE_MS });
      bar.start(Math.round(bytesTotal / MEGABYTE), 0);
      return {
        update: (bytesDone) => bar.update(Math.floor(bytesDone / MEGABYTE)),
        stop: () => bar.stop(),
      };
    },
  };
}

/** Shows on a bar how a file in a folder grows, until disposed. */
export function watchGrowth(folder: string, bar: ProgressBar): Disposable {
  const watcher = Deno.watchFs(folder);
  const follow = async () => {
    for await (const { paths } of watcher) {
      for (const path of paths) {
        // A file that was moved away meanwhile tells nothing more.
        const file = await Deno.stat(path).catch(() => undefined);
        if (file?.isFile) bar.update(file.size);
      }
    }
  };
  follow();
  return {
    [Symbol.dispose]: () => {
      watcher.close();
      bar.stop();
    },
  };
}
