/** Clients that people have already, unchanged but for the address. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Programs } from "../setup/programs.ts";
import { colourPicture } from "./pictures.ts";
import { ROOT } from "./program.ts";
import { pythonWith } from "./python.ts";
import { tempFolder } from "./temp_folder.ts";
import { testWeir } from "./weir.ts";

const TESTDATA = join(ROOT, "e2e", "testdata");
const PICTURE = await colourPicture([250, 20, 10]);

const programs = new Programs(Deno.env.toObject());
const python = await pythonWith(join(TESTDATA, "requests.txt"));
const curl = await programs.find("curl");
for (
  const [name, absent] of [
    ["requests", python.ok ? undefined : python.reason],
    ["curl", curl === undefined ? "it is not on PATH" : undefined],
  ] as const
) {
  // deno-lint-ignore no-console -- who runs the tests is to know what was not tested
  console.log(`${name}: ${absent === undefined ? "used" : `absent, ${absent}`}`);
}

/** Where a client is absent its test is left out, but not from what decides on a change. */
const deciding = Deno.env.get("CI") !== undefined;

testWeir(
  "Python's requests posts a photo and reads its classes, or that it failed",
  { ignore: !python.ok && !deciding },
  async ({ url }) => {
    assert(python.ok, "requests is absent");
    await using folder = await tempFolder();
    const [photo, text] = [join(folder.path, "a.png"), join(folder.path, "a.txt")];
    await Deno.writeFile(photo, PICTURE.bytes);
    await Deno.writeTextFile(text, "no photo");
    const script = join(TESTDATA, "post_photo.py");
    const said = async (file: string) => {
      const { ok, stdout, stderr } = await python.run([script, `${url}/predict`, file]);
      assert(ok, stderr);
      return stdout.trim().split("\n");
    };
    const classes = await said(photo);
    assert.equal(classes.length, 4);
    assert.match(classes[0]!, new RegExp(`^${PICTURE.label}: 0\\.\\d{4}$`));
    assert.deepEqual(await said(text), ["failed"]);
  },
);

testWeir(
  "curl posts a photo in a form and as it is, and is told the same",
  { ignore: curl === undefined && !deciding },
  async ({ url }) => {
    assert(curl !== undefined, "curl is absent");
    await using folder = await tempFolder();
    const photo = join(folder.path, "a.png");
    await Deno.writeFile(photo, PICTURE.bytes);
    const signal = new AbortController().signal;
    for (const sending of [["-F", `image=@${photo}`], ["--data-binary", `@${photo}`]]) {
      const args = ["-s", "-w", "\n%{http_code}", ...sending, `${url}/predict`];
      const { stdout } = await programs.run(curl, args, { signal });
      const [body = "", status] = stdout.split("\n");
      assert.equal(status, "200", body);
      const { success, predictions } = JSON.parse(body);
      assert.equal(success, true);
      assert.equal(predictions[0].label, PICTURE.label);
    }
  },
);
