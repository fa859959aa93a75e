/**
 * A folder for one test.
 *
 * @module
 */
import { TemporaryFolder } from "../shared/temporary_folder.ts";

export interface TempFolder extends AsyncDisposable {
  readonly path: string;
}

/** Makes an empty folder; disposing of it removes it with all that is in it. */
export function tempFolder(): Promise<TempFolder> {
  return TemporaryFolder.make("weir-e2e-");
}
