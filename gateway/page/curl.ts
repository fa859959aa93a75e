/**
 * A photo's request as a line for a POSIX shell.
 *
 * @module
 */

/**
 * The request that the page makes, but for one thing: it waits for the outcome.
 *
 * @param url where the photo goes
 * @param keyed whether the gateway needs an API key
 */
export function curl(file: string, url: string, keyed: boolean): string {
  // Inside a form field, curl takes `;` and `,` of a bare name for its own.
  const path = /^[\w.-]+$/.test(file) ? file : `"${file.replace(/[\\"]/g, "\\$&")}"`;
  return [
    "curl",
    ...(keyed ? ['-H "Authorization: Bearer $WEIR_API_KEY"'] : []),
    `-H ${quoted("Prefer: wait=30")}`,
    `-F ${quoted(`image=@${path}`)}`,
    quoted(url),
  ].join(" ");
}

/** A word as a shell reads it back. */
function quoted(word: string): string {
  return /^[\w@%+=:./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
