/** What a browser makes of the gateway's pages, and its own client of a job's events. */
import assert from "node:assert/strict";
import { assertAtHome, barriersOn, openPage, withoutBrowser } from "./browser.ts";
import { assertSees, form, post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { within } from "./waiting.ts";
import { pausing, testWeir } from "./weir.ts";

const PICTURES = await Promise.all(
  ([[250, 20, 10], [10, 200, 30], [30, 0, 220]] as const).map((rgb) => colourPicture(rgb)),
);

testWeir("the document of the interface is shown", { ignore: withoutBrowser }, async ({ url }) => {
  await using open = await openPage();
  const { page, complaints } = open;
  await page.goto(`${url}/docs`);
  await page.getByRole("heading", { name: "The HTTP interface", level: 1 }).waitFor();
  await page.getByRole("navigation", { name: "Contents" }).getByRole("link", { name: "Errors" })
    .click();
  await page.locator(":target").getByText("unsupported_media_type").first().waitFor();
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await barriersOn(page), [], colorScheme);
  }
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
