/**
 * Listening for HTTP: where, or why not.
 *
 * @module
 */
import { baseUrl } from "./base_url.ts";
import { osState } from "./os_error.ts";

/** An address that this machine does not have, or that is taken; the message says which. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

export interface ListenOptions {
  readonly hostname: string;
  readonly port: number;
  /** Whether others of the same user may listen at its port too; the system spreads connections. */
  readonly reusePort?: boolean;
  /** Told the address, with the port that was found for 0. */
  readonly onListen: (url: string) => void;
}

export type Handler = (request: Request) => Response | Promise<Response>;

/** @throws {ListenError} */
export function listen(options: ListenOptions, handler: Handler): Deno.HttpServer {
  const { hostname, port, reusePort = false } = options;
  const onListen = (address: { readonly port: number }) =>
    options.onListen(baseUrl(hostname, address.port));
  try {
    return Deno.serve({ hostname, port, reusePort, onListen }, handler);
  } catch (error) {
    throw new ListenError(`cannot listen at ${baseUrl(hostname, port)}: ${osState(error)}`);
  }
}
