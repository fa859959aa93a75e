/**
 * A form taken apart into its parts, in order (RFC 7578; RFC 2046, section 5.1).
 *
 * Owns the syntax of multipart bodies. Never copies a part, never asks what is in it.
 * Invariant: parts are views of the body, none overlaps another, in time linear in its length.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** Longest boundary that RFC 2046 allows. */
const BOUNDARY_CHARACTERS_MAX = 70;

/** Most parts in a form, and the longest headers of one. */
const PARTS_MAX = 256;
const PART_HEADER_BYTES_MAX = 8_192;

/** One part of a form. */
export interface Part {
  /** The field's name; empty where the part has none. */
  readonly name: string;
  /** A view of the body. */
  readonly content: Uint8Array;
}

/** The parts, or what is wrong with the form. */
export type Form =
  | { readonly ok: true; readonly parts: readonly Part[] }
  | { readonly ok: false; readonly state: string };

/**
 * Takes a form apart. Whatever stands before the first boundary and behind the last is passed over.
 *
 * @param body the whole form
 * @param contentType the request's, which names the boundary
 *
 * @example
 * ```ts
 * import { parseForm } from "./form.ts";
 *
 * const body = '--x\r\nContent-Disposition: form-data; name="image"\r\n\r\nbytes\r\n--x--';
 * parseForm(new TextEncoder().encode(body), "multipart/form-data; boundary=x");
 * ```
 */
export function parseForm(body: Uint8Array, contentType: string): Form {
  const boundary = /;\s*boundary=(?:"([^"]+)"|([^\s;"]+))/i.exec(contentType);
  const characters = boundary?.[1] ?? boundary?.[2] ?? "";
  if (characters === "" || characters.length > BOUNDARY_CHARACTERS_MAX) {
    return malformed(`its type names no boundary of 1 to ${BOUNDARY_CHARACTERS_MAX} characters`);
  }
  // A character a byte: places in the text are places in the body, and the engine's search of a
  // text is 20 times faster than that of a buffer.
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString("latin1");
  const parts: Part[] = [];
  const delimiter = `\r\n--${characters}`;
  // The first delimiter lacks its line break where nothing stands before it.
  let at = text.startsWith(delimiter.slice(2)) ? -2 : text.indexOf(delimiter);
  if (at === -1) return malformed("the boundary is not in it");

  for (at += delimiter.length; !text.startsWith("--", at); at += delimiter.length) {
    const start = text.indexOf("\r\n\r\n", at);
    if (start === -1) return malformed("its end is missing");
    if (start - at > PART_HEADER_BYTES_MAX) return malformed("a part's headers are too long");
    // The line break that ends the headers can be the one that begins the delimiter.
    const end = text.indexOf(delimiter, start + 2);
    if (end === -1) return malformed("its end is missing");
    if (parts.length === PARTS_MAX) return malformed(`more than ${PARTS_MAX} parts`);
    parts.push({ name: fieldName(text.slice(at, start)), content: body.subarray(start + 4, end) });
    at = end;
  }
  return { ok: true, parts };
}

function malformed(state: string): Form {
  return { ok: false, state };
}

/** Reads the field's name out of a part's headers, a character a byte. */
function fieldName(headers: string): string {
  const disposition = /^content-disposition:(.*)$/im.exec(headers)?.[1] ?? "";
  const parameters = /;\s*([^\s;="]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s;"]*))/g;
  for (const [, key, quoted, token] of disposition.matchAll(parameters)) {
    if (key?.toLowerCase() === "name") return quoted ?? token ?? "";
  }
  return "";
}
