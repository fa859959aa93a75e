/** The dashboard, as those use it who watch a deployment: in a browser. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { mediaType } from "../shared/media_type.ts";
import { HISTORY_KEY } from "../shared/redis/keys.ts";
import { Scrape } from "../shared/testing/scrape.ts";
import { apiKeys } from "./api_keys.ts";
import { assertAtHome, assertNoBarriers, openPage, withoutBrowser } from "./browser.ts";
import { call, post } from "./client.ts";
import { ROOT } from "./program.ts";
import { DASHBOARD_SCENES, takeDashboard } from "./screenshots.ts";
import { until } from "./waiting.ts";
import { testWeir } from "./weir.ts";

const ENV = { WEIR_MODELS: join(ROOT, "fixtures", "models"), WEIR_ATTEMPTS_MAX: "1" };

const STAR = await Deno.readFile(join(ROOT, "fixtures", "photos", "star.jpg"));
const HEART = await Deno.readFile(join(ROOT, "fixtures", "photos", "heart.webp"));

/** A number at the top of the page. */
function tile(page: Page, name: string): Locator {
  return page.locator(".tile", { hasText: name }).locator(".value");
}

/** Waits until a tile shows a number. */
async function untilTile(page: Page, name: string, value: RegExp): Promise<void> {
  await tile(page, name).filter({ hasText: value }).waitFor();
}

function letter(page: Page, id: string): Locator {
  return page.locator(".letter", { hasText: id });
}

testWeir(
  "the dashboard",
  { ignore: withoutBrowser, env: ENV, workers: 0 },
  async (weir, step) => {
    const { url } = weir;
    await using open = await openPage();
    const { page, complaints } = open;
    const ask = async (photo: Uint8Array<ArrayBuffer>): Promise<string> => {
      const { status, body: { id } } = await post(`${url}/v1/jobs`, photo);
      assert.equal(status, 202);
      return id;
    };
    const failing = await weir.startWorker({}, { program: "e2e/failing_worker.ts" });
    await page.goto(`${url}/dashboard`);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByText("All is well").waitFor();

    let letters: string[] = [];
    await step("shows what was given up, with its picture and the reason", async () => {
      letters = [await ask(STAR), await ask(HEART)];
      await untilTile(page, "Dead letters", /^2$/);
      for (const id of letters) {
        const found = letter(page, id);
        await found.getByText("The model failed on the image, once.", { exact: true }).waitFor();
        const thumbnail = found.locator("img");
        await thumbnail.waitFor();
        await thumbnail.evaluate("(image) => image.decode()");
      }
    });

    await step("says so when the only worker is stopped, and what waits for one", async () => {
      await weir.stopWorker(failing);
      await page.getByRole("status").getByText("No worker is alive for model “shapes”").waitFor();
      await ask(STAR);
      const sentence = /^No worker is alive for model “shapes”; 1 job waits, the oldest for \d+ s/;
      await page.getByRole("status").getByText(sentence).waitFor();
      await untilTile(page, "Jobs in the queue", /^1$/);
    });

    await step("shows numbers that move when a worker is there again", async () => {
      const worker = await weir.startWorker();
      await page.getByText("All is well").waitFor();
      await untilTile(page, "Jobs in the queue", /^0$/);
      await untilTile(page, "Time to the answer", /\d m?s$/);
      await untilTile(page, "Images in a batch", /^1$/);
      const names = worker.lines.join("\n").match(/worker ready name=(\S+)/)!;
      const row = page.getByRole("row", { name: names[1]! });
      assert.match(await row.innerText(), /wasm\s+shapes\s+(just now|\d+ s ago)/);
      const curves = page.locator("figure", { hasText: "Jobs a second" }).getByRole("definition");
      // Within ten seconds and one look, of which these are the figure's.
      await curves.filter({ hasText: /^0\.\d$/ }).first().waitFor();
    });

    await step("replays a letter as a job that is answered", async () => {
      await letter(page, letters[0]!).getByRole("button", { name: "Replay" }).click();
      await letter(page, letters[0]!).waitFor({ state: "detached" });
      await page.getByRole("log").getByText("was replayed").waitFor({ state: "attached" });
      await weir.untilAdmitted(0, "shapes");
      const { body } = await call(`${url}/admin/dead`);
      assert.deepEqual(body.letters.map(({ id }: { id: string }) => id), [letters[1]]);
    });

    await step("gives every curve a colour", async () => {
      const colours = await page.evaluate<string[]>(
        "[...document.querySelectorAll('figure .swatch')]" +
          ".map((swatch) => getComputedStyle(swatch).backgroundColor)",
      );
      assert(colours.length > 9);
      assert.deepEqual(colours.filter((colour) => colour === "rgba(0, 0, 0, 0)"), []);
    });

    await step("has no barriers, in light and dark, in a wide window and on a phone", async () => {
      await assertNoBarriers(page);
    });

    await step("can be taken a picture of, as the README has them", async () => {
      const picture = await takeDashboard(page, weir, DASHBOARD_SCENES.at(-1)!);
      assert.equal(mediaType(picture), "image/webp");
    });

    await step("discards a letter, by keyboard, after having asked", async () => {
      const found = letter(page, letters[1]!);
      await found.getByRole("button", { name: "Discard" }).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").getByText("gone for good").waitFor();
      await page.keyboard.press("Escape");
      await found.getByRole("button", { name: "Discard" }).press("Enter");
      await page.getByRole("dialog").getByRole("button", { name: "Discard" }).click();
      await found.waitFor({ state: "detached" });
      await page.getByText("There are none.").waitFor();
      assert.equal((await call(`${url}/admin/dead`)).body.total, 0);
    });
    assert.deepEqual(complaints, []);
    assertAtHome(url, open);

    await step("shows the last hour at a gateway that has just been started", async () => {
      await weir.startGateway();
      await page.goto(`${weir.urls[1]}/dashboard`);
      await untilTile(page, "Time to the answer", /\d m?s$/);
      const told = page.getByRole("listitem").filter({
        hasText: /gateway2-\w+\s+serves this page/,
      });
      await told.waitFor();
      await page.getByRole("button", { name: "1 hour" }).click();
      await page.getByRole("button", { name: "1 hour", pressed: true }).waitFor();
      const counted = (await Scrape.of(url)).value("weir_jobs_submitted_total");
      await until(`all ${counted} jobs are noted, the replay too`, async () => {
        const kept = await weir.redis.client.xrange(HISTORY_KEY, "-", "+");
        const noted = kept.map(([, [, text]]) => JSON.parse(text!).submitted);
        return noted.reduce((sum, submitted) => sum + submitted, 0) === counted;
      });
    });

    await step("asks for a key of an administrator where there are keys", async () => {
      await using given = await apiKeys({ ada: "client", root: "admin" });
      const { file, keys: { ada, root } } = given;
      await weir.startGateway({ WEIR_API_KEYS_FILE: file });
      await page.goto(`${weir.urls[2]}/dashboard`);
      const use = async (label: string, key: string) => {
        await page.getByLabel(label).fill(key);
        await page.getByRole("button", { name: "Use it" }).click();
      };
      await use("This gateway needs an API key", ada);
      await page.getByText("Use one with the role admin").waitFor();
      await use("another one", root);
      await page.getByText("Live", { exact: true }).waitFor();
      await page.getByText("Your API key is used").waitFor();
    });

    await step("says so where the gateway is gone, and shows what was", async () => {
      await page.goto(`${url}/dashboard`);
      await page.getByText("Live", { exact: true }).waitFor();
      await weir.assertEmpty("shapes");
      await weir.drain();
      const lost = page.getByRole("status").getByText(
        /^The gateway cannot be reached.* is from \d/,
      );
      await lost.waitFor();
      await page.getByText("Not live").waitFor();
      // It is not known any more.
      assert.equal(await page.getByText("All is well").count(), 0);
      await page.getByText("Jobs in the queue").first().waitFor();
    });
  },
);
