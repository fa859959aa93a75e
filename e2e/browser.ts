/**
 * The system's Chromium without a window, for tests of what only a browser can tell.
 *
 * Owns the browser and its profile, which is new and empty. Has Chromium installed where it is
 * missing and that can run unattended; nothing but tests needs it.
 * Invariant: after disposing no process of it is left. It hangs on a pipe of the tests' process, so
 * it ends even when that is killed.
 *
 * @module
 */
import axe from "axe-core";
import assert from "node:assert/strict";
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { provided } from "./provided.ts";
import { WAIT_MAX_MS } from "./waiting.ts";

/** It shows pages, and calls nobody by itself. */
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const browserProgram = await provided("chromium");

/** Where it is absent the tests are left out, but not from what decides on a change. */
export const withoutBrowser: boolean = browserProgram.isLeftOut;

/** A page, with what it did beyond what is seen. */
export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  /** Errors on its console, and exceptions that nobody caught. */
  readonly complaints: readonly string[];
  /** Addresses of its requests, of its sockets too. */
  readonly requests: readonly string[];
}

/** Opens an empty page in a browser of its own; disposing of it ends the browser. */
export async function openPage(options: BrowserContextOptions = {}): Promise<OpenPage> {
  const browser = await chromium.launch({
    executablePath: browserProgram.path(),
    args: FLAGS,
    timeout: WAIT_MAX_MS,
  });
  const page = await browser.newPage(options);
  page.setDefaultTimeout(WAIT_MAX_MS);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("websocket", (socket) => requests.push(socket.url()));
  return { page, complaints, requests, [Symbol.asyncDispose]: () => browser.close() };
}

/** Asserts that there are none, in light and dark, in a wide window and on a phone. */
export async function assertNoBarriers(page: Page): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 800 });
      assert.deepEqual(await barriersOn(page), [], `${colorScheme}, ${width} px`);
      const overflow = await page.evaluate<number>("document.documentElement.scrollWidth");
      assert(overflow <= width, `${overflow} of ${width} px`);
    }
  }
}

/** Asserts that a page asked nobody but the gateway at `url`. */
export function assertAtHome(url: string, { requests }: OpenPage): void {
  assert(requests.length > 0);
  const home = [url, url.replace("http:", "ws:")];
  // That of a `blob:` address is of the page that made it.
  const abroad = requests.filter((address) => !home.includes(new URL(address).origin));
  assert.deepEqual(abroad, []);
}

/** Faults of accessibility on the page as it is. */
export async function barriersOn(page: Page): Promise<string[]> {
  // Not as a script of the page, which its policy would refuse.
  await page.evaluate(axe.source);
  // What moves has the colours of neither end; what moves for ever has no end.
  await page.evaluate(
    "Promise.all(document.getAnimations()" +
      ".filter(({ effect }) => effect.getComputedTiming().endTime !== Infinity)" +
      ".map(({ finished }) => finished))",
  );
  const { violations } = await page.evaluate<axe.AxeResults>(
    "axe.run({ resultTypes: ['violations'] })",
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`)
  );
}
