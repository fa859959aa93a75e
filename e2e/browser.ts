/**
 * A real browser, where this machine has one: the system's Chromium.
 *
 * @module
 */
import { type Browser, chromium } from "playwright-core";

/** Names of Chromium and its relatives, in order of preference. */
const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** Path of the browser; undefined where there is none, and tests that need it are ignored. */
export const BROWSER_PATH = browserPath();

function browserPath(): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return NAMES.flatMap((name) => folders.map((folder) => `${folder}/${name}`)).find(isFile);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Starts the browser, without a window; disposing of it ends it. */
export async function startBrowser(): Promise<Browser> {
  // Containers forbid the sandbox, and what is shown is our own.
  return await chromium.launch({ executablePath: BROWSER_PATH!, args: ["--no-sandbox"] });
}
