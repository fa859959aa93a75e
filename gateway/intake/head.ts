/**
 * A request's head, held against bounds before anything of it is looked at.
 *
 * Owns the bounds on address and headers. Never reads a value for its meaning. The server below
 * has bounds of its own, far wider, and answers what it cannot read with an empty 400.
 * Invariant: what passes has an address that can be parsed, and costs little to parse.
 *
 * @module
 */
import type { Fault } from "../../shared/errors.ts";

/** Longest address, scheme and host included. */
export const URL_CHARACTERS_MAX = 8_192;

/** Most parameters in a query. */
export const QUERY_PARAMETERS_MAX = 32;

/** Most headers, and their names and values all in all. */
export const HEADERS_MAX = 100;
export const HEADER_CHARACTERS_MAX = 32_768;

/**
 * Judges a request's head.
 *
 * @returns the first fault, always an `invalid_request`; undefined where there is none
 *
 * @example
 * ```ts
 * import { headFault } from "./head.ts";
 *
 * headFault(new Request("http://localhost/predict")); // undefined
 * ```
 */
export function headFault({ url, headers }: Pick<Request, "url" | "headers">): Fault | undefined {
  if (url.length > URL_CHARACTERS_MAX) {
    return refused(`the address has more than ${URL_CHARACTERS_MAX} characters`);
  }
  // The server puts the Host header into it as it came.
  if (!URL.canParse(url)) return refused("the Host header is not a host");
  const query = url.slice(url.indexOf("?") + 1);
  if (query.split("&", QUERY_PARAMETERS_MAX + 1).length > QUERY_PARAMETERS_MAX) {
    return refused(`more than ${QUERY_PARAMETERS_MAX} parameters`);
  }
  let count = 0;
  let characters = 0;
  for (const [name, value] of headers) {
    count++;
    characters += name.length + value.length;
  }
  if (count > HEADERS_MAX) return refused(`more than ${HEADERS_MAX} headers`);
  return characters > HEADER_CHARACTERS_MAX
    ? refused(`the headers have more than ${HEADER_CHARACTERS_MAX} characters`)
    : undefined;
}

function refused(state: string): Fault {
  return { code: "invalid_request", detail: `read head: ${state}` };
}
