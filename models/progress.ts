/**
 * Downloads as a person sees them: a bar a file.
 *
 * @module
 */
import { terminalBar } from "../shared/terminal_bar.ts";
import type { OnBytes } from "./downloads.ts";
import { sizeOf } from "./size.ts";

export class DownloadProgress implements Disposable {
  readonly #terminal: NodeJS.WritableStream;
  #bar: ReturnType<typeof terminalBar> | undefined;

  constructor(terminal: NodeJS.WritableStream) {
    this.#terminal = terminal;
  }

  /** Shows a file from now on, instead of the one before. */
  onFile(name: string): OnBytes {
    this.#stop();
    return (done, total) => {
      if (total === undefined) return;
      if (this.#bar === undefined) {
        this.#bar = terminalBar(
          this.#terminal,
          `downloading ${name} {bar} {percentage}% of ${sizeOf(total)}`,
        );
        this.#bar.start(total, 0);
      }
      this.#bar.update(done);
    };
  }

  #stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  [Symbol.dispose](): void {
    this.#stop();
  }
}
