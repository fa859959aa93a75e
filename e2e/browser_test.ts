/** What a browser makes of the gateway's pages, and its own client of a job's events. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { assertAtHome, openPage, withoutBrowser } from "./browser.ts";
import { assertSees, form, post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { ROOT } from "./program.ts";
import { within } from "./waiting.ts";
import { pausing, testWeir } from "./weir.ts";

const PICTURES = await Promise.all(
  ([[250, 20, 10], [10, 200, 30], [30, 0, 220]] as const).map((rgb) => colourPicture(rgb)),
);
const STAR = join(ROOT, "fixtures", "photos", "star.jpg");
const TEXT = new TextEncoder().encode("A photo, honestly.\n");

/** The built-in model, which the page knows by its name. */
const SHAPES = { WEIR_MODELS: join(ROOT, "fixtures", "models") };

testWeir(
  "the page shows a chosen photo's classes, and why a file has none",
  { ignore: withoutBrowser, env: SHAPES },
  async (weir) => {
    const { url } = weir;
    await using open = await openPage();
    const { page, complaints } = open;
    await page.goto(url);
    await page.getByText(/^The \d+ classes it knows$/).click();
    await page.getByRole("listitem").filter({ hasText: /^star$/ }).waitFor();

    await page.getByLabel("Choose photos").setInputFiles(STAR);
    const photo = page.locator(".photo", { hasText: "star.jpg" });
    await photo.getByText(/^Answered in \d/).waitFor();
    const classes = photo.getByRole("list", { name: "Classes" }).getByRole("listitem");
    const { body: { predictions } } = await post(`${url}/predict`, await Deno.readFile(STAR));
    assert.deepEqual(
      (await classes.allInnerTexts()).map((text) => text.split(/\s+/).join(" ").trim()),
      predictions.map(({ label, probability }: { label: string; probability: number }) =>
        `${label} ${(100 * probability).toFixed(1)}%`
      ),
    );
    assert.equal(predictions[0].label, "star");
    assert.deepEqual(complaints, []);

    const file = { name: "photo.png", mimeType: "image/png", buffer: Buffer.from(TEXT) };
    await page.getByLabel("Choose photos").setInputFiles(file);
    const refused = page.locator(".photo", { hasText: "photo.png" }).getByText(/^Not classified/);
    const { status, body: { detail } } = await post(`${url}/predict`, form(TEXT));
    assert.equal(status, 415);
    assert.equal(await refused.innerText(), `Not classified: ${detail}`);
    // The browser's own words on such an answer, and nothing else.
    assert.equal(complaints.length, 1);
    assert.match(complaints[0]!, /^Failed to load resource: .* 415 /);
    assertAtHome(url, open);
    await weir.assertEmpty("shapes");
  },
);

testWeir("the document of the interface is shown", { ignore: withoutBrowser }, async ({ url }) => {
  await using open = await openPage();
  const { page, complaints } = open;
  await page.goto(`${url}/docs`);
  await page.getByRole("heading", { name: "Weir", level: 1 }).waitFor();
  await page.getByRole("navigation").getByRole("link", { name: "Errors" }).click();
  await page.locator(":target").getByText("unsupported_media_type").first().waitFor();
  assert.deepEqual(complaints, []);
  assertAtHome(url, open);
});

/** An event as the page was told. */
interface Told {
  readonly name: string;
  // deno-lint-ignore no-explicit-any -- whatever the other side sends
  readonly data: any;
}

/** Runs in the page: follows a job until its source is closed. */
function follow(address: string): Promise<Told[]> {
  const source = new EventSource(address);
  const told: Told[] = [];
  for (const name of ["queued", "running", "prediction", "gap", "succeeded", "message"]) {
    source.addEventListener(name, ({ data }) => told.push({ name, data: JSON.parse(data) }));
  }
  return new Promise((resolve) => {
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) resolve(told);
    });
  });
}

testWeir(
  "a browser's EventSource is told of a job in order, and stops when it is over",
  { ignore: withoutBrowser },
  async (weir) => {
    const { url } = weir;
    await using open = await openPage();
    const { page, complaints, requests } = open;
    await page.goto(`${url}/docs`);
    const statuses: number[] = [];
    const { following } = await pausing(weir, async () => {
      const job = await post(`${url}/v1/jobs`, form(...PICTURES.map(({ bytes }) => bytes)));
      assert.equal(job.status, 202);
      const events = `${url}/v1/jobs/${job.body.id}/events`;
      page.on("response", (response) => {
        if (response.url() === events) statuses.push(response.status());
      });
      const joined = page.waitForResponse(events);
      const following = page.evaluate(follow, events);
      await joined;
      return { following };
    });
    const told = await within(following, "the source is closed");
    assert.deepEqual(
      told.map(({ name, data }) => `${name} ${data.index ?? ""}`.trim()),
      ["queued", "running", ...PICTURES.map((_, i) => `prediction ${i}`), "succeeded"],
    );
    for (const { name, data } of told) {
      if (name === "prediction") assertSees(data.predictions, PICTURES[data.index]!);
    }
    // Once to be told, and once to learn that there is no more.
    assert.deepEqual(statuses, [200, 204]);
    assert.equal(requests.filter((address) => address.endsWith("/events")).length, 2);
    assert.deepEqual(complaints, []);
    assertAtHome(url, open);
    await weir.assertEmpty();
  },
);
