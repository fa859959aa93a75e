/**
 * The API key that a client sends.
 *
 * It comes from a file or the environment, never from the command line: every user of a machine can
 * read those of all processes, and a shell writes them into its history.
 *
 * @module
 */
import { SETTINGS } from "../shared/config.ts";
import { osState } from "../shared/os_error.ts";
import type { Asked } from "./gateway.ts";

/**
 * Finds the key: in a file where one is named, else in what the environment has.
 *
 * @param file path of a file that has the key alone
 * @param key `WEIR_API_KEY`
 */
export async function readKey(
  file: string | undefined,
  key: string | undefined,
): Promise<Asked<string | undefined>> {
  let text = key;
  try {
    if (file !== undefined) text = (await Deno.readTextFile(file)).trim();
  } catch (error) {
    return {
      ok: false,
      code: "unreadable_key",
      detail: `cannot read "${file}": ${osState(error)}`,
    };
  }
  if (text === undefined || SETTINGS.WEIR_API_KEY.schema.safeParse(text).success) {
    return { ok: true, value: text };
  }
  const where = file === undefined ? "WEIR_API_KEY" : `"${file}"`;
  return { ok: false, code: "invalid_key", detail: `what ${where} holds is not an API key` };
}
