/**
 * Why Redis takes no connection, though it is there.
 *
 * A server that has as many clients as it may says so to whoever connects, and closes. Where a
 * client has sent something by then, all it learns is a reset: so a connection that sends nothing
 * asks for the words. Owns that connection. Invariant: what is kept is true until the client is
 * connected, or fails in another way.
 *
 * @module
 */
import { Redis } from "ioredis";
import { connect } from "node:net";
import { type CommandClient, unavailable } from "./connection.ts";

/** How a connection ends that the server closes while we send. */
const CUT_OFF = new Set(["ECONNRESET", "EPIPE"]);

/** A server that has something to say says it at once. */
const SILENCE_MS = 250;

export class Refusal {
  /** What the server said; undefined while it takes connections, or is away. */
  words: string | undefined;
  #asking = false;

  /** Follows a client to one server. A cluster says why for each of its servers, not for all. */
  constructor(client: CommandClient) {
    if (!(client instanceof Redis)) return;
    client.on("error", (error: Error) => this.#hear(client, error));
    client.on("ready", () => this.words = undefined);
  }

  async #hear({ options }: Redis, error: Error & { readonly code?: string }): Promise<void> {
    if (unavailable(error).reason === "full") {
      this.words = error.message;
    } else if (!CUT_OFF.has(error.code ?? "")) {
      this.words = undefined;
    } else if (!this.#asking && !options.sentinels && !options.tls) {
      this.#asking = true;
      const words = await firstWords(options.host!, options.port!);
      this.words = unavailable(new Error(words)).reason === "full" ? words : undefined;
      this.#asking = false;
    }
  }
}

/** What a server says to a client that says nothing. */
function firstWords(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    let words = "";
    const socket = connect({ host, port, timeout: SILENCE_MS });
    socket.on("data", (bytes) => words += bytes);
    socket.on("timeout", () => socket.destroy());
    // Closed with or without one.
    socket.on("error", () => {});
    socket.on("close", () => resolve(words.replace(/^-/, "").trim()));
  });
}
