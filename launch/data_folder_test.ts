import assert from "node:assert/strict";
import { join } from "node:path";
import { takeDataFolder } from "./data_folder.ts";
import { StartError } from "./start_error.ts";

Deno.test("a data folder is made, and is for its owner alone", async () => {
  const parent = await Deno.makeTempDir();
  {
    using folder = await takeDataFolder(join(parent, "new", ".weir"));
    assert.equal(folder.path, join(parent, "new", ".weir", "redis"));
    const { mode } = await Deno.stat(folder.path);
    assert.equal(mode! & 0o777, 0o700);
  }
  await Deno.remove(parent, { recursive: true });
});

Deno.test("a data folder is one start's at a time, and free again after it", async () => {
  const parent = await Deno.makeTempDir();
  {
    using _ = await takeDataFolder(parent);
    await assert.rejects(takeDataFolder(parent), (error) => {
      assert(error instanceof StartError);
      assert.match(
        error.message,
        /^cannot use data folder ".+": another Weir uses it, .* WEIR_DATA_DIR$/,
      );
      return true;
    });
  }
  using _ = await takeDataFolder(parent);
  await Deno.remove(parent, { recursive: true });
});
