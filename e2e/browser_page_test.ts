/** The page to try photos, as people use it: in a browser, with the built-in model. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import sharp from "sharp";
import { newApiKey } from "../gateway/keys/api_key.ts";
import { apiKeys } from "./api_keys.ts";
import { assertAtHome, assertNoBarriers, barriersOn, openPage, withoutBrowser } from "./browser.ts";
import { form, post } from "./client.ts";
import { ROOT } from "./program.ts";
import { SCENES, takePicture } from "./screenshots.ts";
import { pausing, testWeir } from "./weir.ts";

const PHOTOS = join(ROOT, "fixtures", "photos");
const JOBS_MAX = 3;
/** A byte more than may be. */
const BYTES_MAX = 300_000;

const ENV = {
  WEIR_MODELS: join(ROOT, "fixtures", "models"),
  WEIR_QUEUE_JOBS_MAX: String(JOBS_MAX),
  WEIR_BODY_BYTES_MAX: String(BYTES_MAX),
};

function photo(name: string): string {
  return join(PHOTOS, name);
}

/** The newest card of a photo. */
function card(page: Page, name: string): Locator {
  return page.locator(".photo", { hasText: name }).first();
}

/** Chooses files as a person does. */
async function choose(page: Page, files: Parameters<Locator["setInputFiles"]>[0]): Promise<void> {
  await page.getByLabel("Choose photos").setInputFiles(files);
}

/** Waits until a photo is in some phase, and gives its card. */
async function untilPhase(page: Page, name: string, phase: string): Promise<Locator> {
  const found = card(page, name);
  await found.locator(".badge", { hasText: phase }).waitFor();
  return found;
}

/** Classes and percentages as a card shows them. */
async function classesOf(found: Locator): Promise<string[]> {
  const rows = found.getByRole("list", { name: "Classes" }).getByRole("listitem");
  return (await rows.allInnerTexts()).map((text) => text.split(/\s+/).join(" ").trim());
}

async function hasFocus(page: Page, target: Locator): Promise<boolean> {
  return await target.and(page.locator(":focus")).count() === 1;
}

/** Presses a key until an element has the focus: it can be reached by keyboard. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    if (await hasFocus(page, target)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not reach ${target}`);
}

testWeir(
  "the page to try photos",
  { ignore: withoutBrowser, env: ENV },
  async (weir, step) => {
    const { url } = weir;
    await using open = await openPage();
    const { page, complaints } = open;
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto(url);

    await step("says what the built-in model knows, and how to get another", async () => {
      const model = page.getByRole("region", { name: "The model" });
      await model.getByText(/knows 12 drawn shapes/).waitFor();
      const labels = await Deno.readTextFile(join(ENV.WEIR_MODELS, "shapes", "labels.txt"));
      const items = await model.getByRole("listitem").allInnerTexts();
      assert.deepEqual(items, labels.trim().split("\n"));
      await model.getByText("WEIR_MODELS=FOLDER deno task start").waitFor();
    });

    await step("shows a chosen photo's classes and timings as the gateway has them", async () => {
      await choose(page, photo("star.jpg"));
      const found = await untilPhase(page, "star.jpg", "Answered");
      const bytes = await Deno.readFile(photo("star.jpg"));
      const { body: { predictions } } = await post(`${url}/predict`, bytes);
      assert.equal(predictions[0].label, "star");
      assert.deepEqual(
        await classesOf(found),
        predictions.map(({ label, probability }: { label: string; probability: number }) =>
          `${label} ${(100 * probability).toFixed(1)}%`
        ),
      );
      await found.getByText(/^Succeeded after .+(all of it|most of it|longest).+\.$/).waitFor();
      const [total, ...stages] = await found.locator(".timeline dt").allInnerTexts();
      assert.equal(total, "total");
      // Of the others, those that took time: Redis' clock knows whole milliseconds.
      const known = ["queue", "decode", "wait", "infer", "reply"];
      assert.deepEqual(stages, known.filter((stage) => stages.includes(stage)));
      assert(stages.includes("infer"));
      for (const time of await found.locator(".timeline dd").allInnerTexts()) {
        assert.match(time, /^[\d.]+ m?s$/);
      }
    });

    await step("tells what happened to a job", async () => {
      const explained = page.waitForResponse(/\/explain$/);
      await choose(page, photo("cross.png"));
      const found = await untilPhase(page, "cross.png", "Answered");
      const { summary, events } = await (await explained).json();
      await found.locator(".story").getByText(summary).waitFor();
      await found.getByText("What happened to it").click();
      const told = await found.locator(".story").getByRole("listitem").allInnerTexts();
      assert.equal(told.length, events.length);
      for (const [i, { text }] of events.entries()) assert(told[i]!.endsWith(text), text);
    });

    await step("takes photos that are dropped, pasted, or of its own", async () => {
      const bytes = (await Deno.readFile(photo("heart.webp"))).toBase64();
      const dropped = await (await page.evaluateHandle("window")).evaluateHandle(
        ({ DataTransfer, File }, base64) => {
          const data = new DataTransfer();
          data.items.add(new File([Uint8Array.fromBase64(base64)], "drop.webp"));
          return data;
        },
        bytes,
      );
      await page.dispatchEvent("body", "drop", { dataTransfer: dropped });
      const [heart] = await classesOf(await untilPhase(page, "drop.webp", "Answered"));
      assert.match(heart!, /^heart /);

      await (await page.evaluateHandle("window")).evaluate(
        async ({ navigator, ClipboardItem }, base64) => {
          const png = new Blob([Uint8Array.fromBase64(base64)], { type: "image/png" });
          await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
        },
        (await Deno.readFile(photo("square.png"))).toBase64(),
      );
      await page.keyboard.press("Control+V");
      const [square] = await classesOf(await untilPhase(page, "image.png", "Answered"));
      assert.match(square!, /^square /);

      await page.getByRole("button", { name: "spiral" }).click();
      const [spiral] = await classesOf(await untilPhase(page, "spiral.jpg", "Answered"));
      assert.match(spiral!, /^spiral /);
    });

    await step("gives the request as a line that a shell runs", async () => {
      const found = card(page, "star.jpg");
      await found.getByRole("button", { name: "Copy" }).click();
      await found.getByText("Copied").waitFor();
      const line = await page.evaluate<string>("navigator.clipboard.readText()");
      const args = ["-c", line.replace(/^curl/, "curl -s")];
      const { stdout } = await new Deno.Command("sh", { args, cwd: PHOTOS }).output();
      const job = JSON.parse(new TextDecoder().decode(stdout));
      assert.deepEqual([job.state, job.result.predictions[0].label], ["succeeded", "star"]);
    });

    await step("is worked by keyboard alone, up to cancelling a job in the queue", async () => {
      // Waited for long before it comes: the browser has to be told to ask nobody else.
      const chooser = page.waitForEvent("filechooser");
      await tabTo(page, page.getByLabel("Choose photos"));
      await pausing(weir, async () => {
        await page.keyboard.press("Enter");
        await (await chooser).setFiles(photo("moon.jpg"));
        const found = await untilPhase(page, "moon.jpg", "Queued");
        await tabTo(page, found.getByRole("button", { name: "Cancel" }));
        await page.keyboard.press("Enter");
        await untilPhase(page, "moon.jpg", "Cancelled");
        // Where the button was, so that whoever pressed it goes on from there.
        assert(await hasFocus(page, found));
      });
      await page.getByRole("log").getByText("moon.jpg: cancelled").waitFor({ state: "attached" });
    });
    assert.deepEqual(complaints, []);

    await step("says in a sentence why there are no classes", async () => {
      const bytes = await Deno.readFile(photo("star.jpg"));
      const files: readonly [name: string, content: Uint8Array, reason: RegExp][] = [
        ["text.png", new TextEncoder().encode("A photo, honestly.\n"), /^Read .*not JPEG.*\.$/],
        ["large.jpg", new Uint8Array(BYTES_MAX + 1), /^.*300000.*\.$/],
        ["half.jpg", bytes.slice(0, bytes.length / 2), /^Decode .*\.$/],
      ];
      for (const [name, content, reason] of files) {
        await choose(page, { name, mimeType: "image/png", buffer: Buffer.from(content) });
        const found = await untilPhase(page, name, "Not classified");
        assert.match(await found.locator(".reason").innerText(), reason);
        assert.equal(await found.getByRole("button", { name: "Try again" }).count(), 0);
      }
    });

    await step("tries again what was refused because the queue was full", async () => {
      await pausing(weir, async () => {
        const bytes = await Deno.readFile(photo("star.jpg"));
        for (let i = 0; i < JOBS_MAX; i++) {
          assert.equal((await post(`${url}/v1/jobs`, form(bytes))).status, 202);
        }
        await choose(page, photo("ring.jpg"));
        const found = await untilPhase(page, "ring.jpg", "Not classified");
        const reason = await found.locator(".reason").innerText();
        assert.equal(reason, "Service is currently at capacity, please try again later.");
      });
      await weir.untilAdmitted(0, "shapes");
      await card(page, "ring.jpg").getByRole("button", { name: "Try again" }).click();
      const [ring] = await classesOf(await untilPhase(page, "ring.jpg", "Answered"));
      assert.match(ring!, /^ring /);
      // The browser's own words on such answers, and nothing else.
      const statuses = complaints.map((text) => /^Failed to load resource: .* (\d{3}) /.exec(text));
      assert.deepEqual(statuses.map((found) => found?.[1]), ["415", "413", "503"]);
    });

    await step("has no barriers, in light and dark, in a wide window and on a phone", async () => {
      await assertNoBarriers(page);
    });
    assertAtHome(url, open);

    await step("can be taken a picture of, as the README has them", async () => {
      const picture = await takePicture(page, weir, SCENES.at(-1)!);
      const { format, width, height } = await sharp(picture).metadata();
      assert.deepEqual([format, width, height], ["webp", 390, 900]);
      await weir.untilAdmitted(0, "shapes");
    });

    await step("asks for an API key where one is needed, and keeps it in the tab", async () => {
      await using given = await apiKeys({ ada: "client" });
      const { file, keys: { ada: key } } = given;
      await weir.startGateway({ WEIR_API_KEYS_FILE: file });
      await page.goto(weir.urls[1]!);
      await page.getByLabel("This gateway needs an API key").fill(newApiKey());
      await page.getByRole("button", { name: "Use it" }).click();
      await page.getByLabel("This API key is not known").fill(key);
      assert.deepEqual(await barriersOn(page), []);
      await page.getByRole("button", { name: "Use it" }).click();
      await page.getByText(/knows 12 drawn shapes/).waitFor();

      await page.reload();
      await page.getByText("Your API key is used").waitFor();
      await choose(page, photo("star.jpg"));
      const found = await untilPhase(page, "star.jpg", "Answered");
      assert.match(await found.locator("code").innerText(), /^curl -H "Authorization: Bearer \$W/);
      await page.getByRole("button", { name: "Forget it" }).click();
      await page.getByLabel("This gateway needs an API key").waitFor();
    });

    await step("says so where the gateway is gone", async () => {
      await page.goto(url);
      await page.getByText(/knows 12 drawn shapes/).waitFor();
      await weir.assertEmpty("shapes");
      await weir.drain();
      await choose(page, photo("star.jpg"));
      const found = await untilPhase(page, "star.jpg", "Not classified");
      const reason = await found.locator(".reason").innerText();
      assert.equal(reason, "The gateway cannot be reached. Is it still running?");
      await found.getByRole("button", { name: "Try again" }).waitFor();
    });
  },
);
