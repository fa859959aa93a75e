/**
 * A folder for one test.
 *
 * @module
 */

export interface TempFolder extends AsyncDisposable {
  readonly path: string;
}

/** Makes an empty folder; disposing of it removes it with all that is in it. */
export async function tempFolder(): Promise<TempFolder> {
  const path = await Deno.makeTempDir({ prefix: "weir-e2e-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
