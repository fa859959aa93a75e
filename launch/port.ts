/**
 * The gateway's port, checked before anything is started.
 *
 * @module
 */
import { osState } from "../shared/os_error.ts";
import { StartError } from "./start_error.ts";

/** How many of the following ports are tried for the one to offer. */
const OFFERS_MAX = 100;

/**
 * Says which port to use: the one wanted, or a free one for 0.
 *
 * @throws {StartError} where it cannot be used, with the next free port where there is one
 */
export function checkPort(hostname: string, port: number): number {
  try {
    return tryPort(hostname, port);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) {
      throw new StartError(`cannot listen at ${hostname}:${port}: ${osState(error)}`);
    }
  }
  const free = nextFree(hostname, port);
  const offer = free === undefined ? "" : `, ${free} is free: set WEIR_PORT=${free}`;
  throw new StartError(`port ${port} of ${hostname} is in use${offer}`);
}

function nextFree(hostname: string, port: number): number | undefined {
  for (let next = port + 1; next <= Math.min(port + OFFERS_MAX, 65_535); next++) {
    try {
      return tryPort(hostname, next);
    } catch {
      continue;
    }
  }
  return undefined;
}

function tryPort(hostname: string, port: number): number {
  using listener = Deno.listen({ hostname, port });
  return listener.addr.port;
}
