import assert from "node:assert/strict";
import { join } from "node:path";
import { TemporaryFolder } from "../shared/temporary_folder.ts";
import { takeDataFolder } from "./data_folder.ts";
import { StartError } from "./start_error.ts";

Deno.test("a data folder is made, and is for its owner alone", async () => {
  await using parent = await TemporaryFolder.make("weir-launch-test-");
  using folder = await takeDataFolder(join(parent.path, "new", ".weir"));
  assert.equal(folder.path, join(parent.path, "new", ".weir", "redis"));
  const { mode } = await Deno.stat(folder.path);
  assert.equal(mode! & 0o777, 0o700);
});

Deno.test("a data folder is one start's at a time, and free again after it", async () => {
  await using parent = await TemporaryFolder.make("weir-launch-test-");
  {
    using _ = await takeDataFolder(parent.path);
    await assert.rejects(takeDataFolder(parent.path), (error) => {
      assert(error instanceof StartError);
      assert.match(
        error.message,
        /^cannot use data folder ".+": another Weir uses it, .* WEIR_DATA_DIR$/,
      );
      return true;
    });
  }
  using _ = await takeDataFolder(parent.path);
});
