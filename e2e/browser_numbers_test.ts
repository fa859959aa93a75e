/** The page with models that are no classifiers, in a browser. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { writeColourModel } from "../worker/models/testing/colour_model.ts";
import { assertNoBarriers, openPage, withoutBrowser } from "./browser.ts";
import { post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { tempFolder } from "./temp_folder.ts";
import { printingLog, startWeir, type Weir } from "./weir.ts";

Deno.test({
  name: "the page says of a model without classes how many numbers it gives, and shows some",
  ignore: withoutBrowser,
  fn: async () => {
    await using models = await tempFolder();
    await writeColourModel(models.path, "means", {
      cut: "mean",
      settings: { output: { kind: "embedding" }, default: true },
    });
    await writeColourModel(models.path, "quarters", { cut: "quarters" });
    await using weir = await startWeir({ env: { WEIR_MODELS: models.path } });
    await printingLog(weir, () => usePage(weir));
  },
});

async function usePage({ url }: Weir): Promise<void> {
  await using open = await openPage();
  const { page, complaints } = open;
  await page.goto(url);
  const panel = page.getByRole("region", { name: "The model" });
  await panel.getByText(/answers a photo with 3 numbers, an embedding/).waitFor();

  const { bytes } = await colourPicture([250, 20, 10]);
  const choose = (name: string) =>
    page.getByLabel("Choose photos").setInputFiles({
      name,
      mimeType: "image/png",
      buffer: Buffer.from(bytes),
    });
  await choose("one.png");
  const one = page.locator(".photo", { hasText: "one.png" });
  const { body: { embedding } } = await post(`${url}/predict`, bytes);
  const shown = embedding.map((value: number) => +value.toPrecision(4)).join(", ");
  await one.getByText(`3 numbers: ${shown}`).waitFor();

  await panel.getByLabel("Answer with").selectOption("quarters");
  await panel.getByText("answers a photo with 2 × 2 × 3 numbers.").waitFor();
  await choose("two.png");
  const two = page.locator(".photo", { hasText: "two.png" });
  await two.getByText(/^2 × 2 × 3 numbers: .*, …$/).waitFor();
  await assertNoBarriers(page);
  assert.deepEqual(complaints, []);
}
