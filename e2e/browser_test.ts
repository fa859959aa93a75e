import assert from "node:assert/strict";
import { join } from "node:path";
import { keyDigest, newApiKey } from "../gateway/keys/api_key.ts";
import type { Told } from "../gateway/testing/socket_client.ts";
import { BROWSER_PATH, startBrowser } from "./browser.ts";
import { assertSees } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { tempFolder } from "./temp_folder.ts";
import { printingLog, startWeir, stepsOf } from "./weir.ts";

const PHOTO = await colourPicture([250, 20, 10]);

/** What a page's script is given: bytes as numbers, since it takes JSON alone. */
interface Given {
  readonly url: string;
  readonly protocols: string[];
  readonly photo: number[];
  /** Bytes of a message that is too large, if one is to be sent in the end. */
  readonly tooMany: number;
}

interface Seen {
  readonly told: Told[];
  readonly code: number;
  readonly protocol: string;
}

/** Runs in the page: sends a photo, then what is too large, until the socket is closed. */
function converse({ url, protocols, photo, tooMany }: Given): Promise<Seen> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, protocols);
    const told: Told[] = [];
    socket.onopen = () => socket.send(new Blob([new Uint8Array(photo)]));
    socket.onmessage = ({ data }) => {
      told.push(JSON.parse(data));
      if (told.at(-1)!.type === "succeeded") socket.send(new Uint8Array(tooMany));
    };
    socket.onclose = ({ code }) => resolve({ told, code, protocol: socket.protocol });
  });
}

Deno.test({
  name: "a browser's WebSocket, from the gateway's own page",
  ignore: BROWSER_PATH === undefined,
  fn: async (t) => {
    await using folder = await tempFolder();
    const file = join(folder.path, "keys.jsonl");
    const key = newApiKey();
    const entry = { name: "ada", sha256: keyDigest(key).toHex() };
    await Deno.writeTextFile(file, JSON.stringify(entry));
    await using weir = await startWeir({ env: { WEIR_API_KEYS_FILE: file } });
    await using browser = await startBrowser();
    const step = stepsOf(t);
    const url = weir.url.replace("http", "ws") + "/v1/socket";
    const converseAt = async (page: string, key: string): Promise<Seen> => {
      await using opened = await browser.newPage();
      await opened.goto(page);
      const protocols = ["weir", `weir.key.${key}`];
      const photo = [...PHOTO.bytes];
      return await opened.evaluate(converse, { url, protocols, photo, tooMany: 11_000_000 });
    };

    await printingLog(weir, async () => {
      await step(
        "sends a photo, is told its classes, and is closed for what is too large",
        async () => {
          const { told, code, protocol } = await converseAt(weir.url, key);
          assert.deepEqual(
            told.map(({ type }) => type),
            ["accepted", "queued", "running", "prediction", "succeeded"],
          );
          assertSees(told.at(-1)!.result.predictions, PHOTO);
          assert.deepEqual([code, protocol], [1009, "weir"]);
        },
      );

      await step("sees that its key is wrong", async () => {
        const { told, code } = await converseAt(weir.url, newApiKey());
        assert.deepEqual([told, code], [[], 1008]);
      });

      await step("opens none from a page of another origin, even with a key", async () => {
        const silent = { hostname: "127.0.0.1", port: 0, onListen: () => undefined };
        await using other = Deno.serve(silent, () => new Response("a page"));
        const { told, code } = await converseAt(`http://127.0.0.1:${other.addr.port}`, key);
        assert.deepEqual([told, code], [[], 1006]);
      });
      await weir.drain();
    });
  },
});
