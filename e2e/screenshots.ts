/**
 * The README's pictures of the pages, as a browser shows them.
 *
 * Owns the scenes. A program of its own, which writes them into `docs/`; a test takes one of them
 * too, to see that it can be taken.
 *
 * @module
 */
import { join } from "node:path";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { systemClock } from "../shared/clock.ts";
import { openPage } from "./browser.ts";
import { post } from "./client.ts";
import { ROOT } from "./program.ts";
import { pausing, startWeir, type Weir } from "./weir.ts";

/** A picture to be taken. */
export interface Scene {
  readonly name: string;
  readonly colorScheme: "light" | "dark";
  readonly width: number;
  readonly height: number;
}

/** The page to try photos. */
export const SCENES = scenesOf("page", 900);

/** The dashboard. */
export const DASHBOARD_SCENES = scenesOf("dashboard", 1040);

function scenesOf(page: string, height: number): readonly Scene[] {
  return (["light", "dark"] as const).flatMap((colorScheme) => [
    { name: `${page}-${colorScheme}`, colorScheme, width: 1280, height },
    { name: `${page}-phone-${colorScheme}`, colorScheme, width: 390, height: 900 },
  ]);
}

/** The settings of a Weir that knows the sample photos, and gives up at the first fault. */
const SCREENSHOT_ENV = {
  WEIR_MODELS: join(ROOT, "fixtures", "models"),
  WEIR_ATTEMPTS_MAX: "1",
};

/** How long there is something to do for the dashboard's figures. */
const BUSY_MS = 150_000;

/** Takes a picture of two photos that are answered, below one that waits for the only worker. */
export async function takePicture(page: Page, weir: Weir, scene: Scene): Promise<Uint8Array> {
  await open(page, weir.url, scene);
  const sample = (name: string) => page.getByRole("button", { name });
  const phase = (name: string) => page.locator(".badge", { hasText: name });
  for (const [i, name] of ["heart", "star"].entries()) {
    await sample(name).click();
    await phase("Answered").nth(i).waitFor();
    await page.locator(".story").nth(i).waitFor();
  }
  return await pausing(weir, async () => {
    await sample("spiral").click();
    await phase("Queued").waitFor();
    return await pictureOf(page);
  });
}

/** Takes a picture of the dashboard as it is. */
export async function takeDashboard(page: Page, weir: Weir, scene: Scene): Promise<Uint8Array> {
  await open(page, `${weir.url}/dashboard`, scene);
  await page.getByText("Live", { exact: true }).waitFor();
  return await pictureOf(page);
}

async function open(page: Page, url: string, scene: Scene): Promise<void> {
  const { colorScheme, width, height } = scene;
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  await page.setViewportSize({ width, height });
  await page.goto(url);
}

async function pictureOf(page: Page): Promise<Uint8Array> {
  // Where the pointer is, something would look chosen.
  await page.mouse.move(0, 0);
  const png = await page.screenshot();
  return await sharp(png).webp({ quality: 80, effort: 6 }).toBuffer();
}

/** Gives some jobs to a worker that fails, then as many to one that works as come on a day. */
async function keepBusy(weir: Weir, forMs: number): Promise<void> {
  const names = ["star.jpg", "heart.webp", "cross.png", "moon.jpg"];
  const photos = await Promise.all(
    names.map((name) => Deno.readFile(join(ROOT, "fixtures", "photos", name))),
  );
  const ask = (photo: Uint8Array<ArrayBuffer>) => post(`${weir.url}/predict`, photo);
  const failing = await weir.startWorker({}, { program: "e2e/failing_worker.ts" });
  await Promise.all(photos.slice(0, 2).map(ask));
  await weir.stopWorker(failing);
  await weir.startWorker();
  const beganAt = systemClock.now();
  while (true) {
    const passed = (systemClock.now() - beganAt) / forMs;
    if (passed > 1) return;
    // A tide, with a wave on it.
    const level = 1 + 5 * Math.sin(Math.PI * passed) ** 2 + 2 * Math.sin(40 * passed) ** 2;
    const asked = Array.from({ length: Math.round(level) }, (_, i) => ask(photos[i % 4]!));
    await Promise.all(asked);
    await systemClock.sleep(150, new AbortController().signal);
  }
}

if (import.meta.main) {
  const folder = join(ROOT, "docs");
  await Deno.mkdir(folder, { recursive: true });
  await using browser = await openPage({ deviceScaleFactor: 1.5 });
  const takeAll = async (scenes: readonly Scene[], weir: Weir, take: typeof takePicture) => {
    for (const scene of scenes) {
      const picture = await take(browser.page, weir, scene);
      await Deno.writeFile(join(folder, `${scene.name}.webp`), picture);
    }
  };
  {
    await using weir = await startWeir({ env: SCREENSHOT_ENV });
    await takeAll(SCENES, weir, takePicture);
  }
  await using weir = await startWeir({ workers: 0, env: SCREENSHOT_ENV });
  await keepBusy(weir, BUSY_MS);
  await takeAll(DASHBOARD_SCENES, weir, takeDashboard);
}
