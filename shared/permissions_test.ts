import assert from "node:assert/strict";

/** A process with a thread, which tells what it may after the process has shed its permissions. */
const PROGRAM = `
  import { shedPermissions } from ${JSON.stringify(import.meta.resolve("./permissions.ts"))};
  const code = \`
    self.onmessage = () => self.postMessage(
      ["read", "write", "env", "sys", "ffi", "run", "import", "net"]
        .filter((name) => Deno.permissions.querySync({ name }).state === "granted"));
    self.postMessage("ready");
  \`;
  const thread = new Worker("data:text/javascript," + encodeURIComponent(code), { type: "module" });
  const told = () => new Promise((resolve) => thread.onmessage = ({ data }) => resolve(data));
  await told();
  await shedPermissions();
  thread.postMessage("what is left?");
  console.log(JSON.stringify(await told()));
  thread.terminate();
`;

Deno.test("a process that sheds its permissions has none but the network in its threads, too", async () => {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: ["eval", PROGRAM] })
    .output();
  assert.deepEqual(
    new TextDecoder().decode(stdout).trim(),
    JSON.stringify(["net"]),
    new TextDecoder().decode(stderr),
  );
});
