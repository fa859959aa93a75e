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
import { openPage } from "./browser.ts";
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
export const SCENES: readonly Scene[] = (["light", "dark"] as const).flatMap((colorScheme) => [
  { name: `page-${colorScheme}`, colorScheme, width: 1280, height: 900 },
  { name: `page-phone-${colorScheme}`, colorScheme, width: 390, height: 900 },
]);

/** The settings of a Weir that knows the sample photos. */
export const SCREENSHOT_ENV = { WEIR_MODELS: join(ROOT, "fixtures", "models") };

/** Takes a picture of two photos that are answered, below one that waits for the only worker. */
export async function takePicture(
  page: Page,
  weir: Weir,
  { colorScheme, width, height }: Scene,
): Promise<Uint8Array> {
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  await page.setViewportSize({ width, height });
  await page.goto(weir.url);
  const sample = (name: string) => page.getByRole("button", { name });
  const phase = (name: string) => page.locator(".badge", { hasText: name });
  for (const [i, name] of ["heart", "star"].entries()) {
    await sample(name).click();
    await phase("Answered").nth(i).waitFor();
  }
  return await pausing(weir, async () => {
    await sample("spiral").click();
    await phase("Queued").waitFor();
    // Where the pointer is, something else would look chosen.
    await page.mouse.move(0, 0);
    const png = await page.screenshot();
    return await sharp(png).webp({ quality: 80, effort: 6 }).toBuffer();
  });
}

if (import.meta.main) {
  await using weir = await startWeir({ env: SCREENSHOT_ENV });
  await using open = await openPage({ deviceScaleFactor: 1.5 });
  const folder = join(ROOT, "docs");
  await Deno.mkdir(folder, { recursive: true });
  for (const scene of SCENES) {
    const picture = await takePicture(open.page, weir, scene);
    await Deno.writeFile(join(folder, `${scene.name}.webp`), picture);
  }
}
