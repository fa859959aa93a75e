/** What a browser's own WebSocket makes of the gateway's. */
import assert from "node:assert/strict";
import { newApiKey } from "../gateway/keys/api_key.ts";
import type { Told } from "../gateway/testing/socket_client.ts";
import { apiKeys } from "./api_keys.ts";
import { assertAtHome, type OpenPage, openPage, withoutBrowser } from "./browser.ts";
import { assertSees } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { within } from "./waiting.ts";
import { printingLog, startWeir, stepsOf, testWeir } from "./weir.ts";

const PICTURES = await Promise.all(
  ([[250, 20, 10], [10, 200, 30]] as const).map((rgb) => colourPicture(rgb)),
);
/** A byte more than `WEIR_BODY_BYTES_MAX`. */
const TOO_MANY_BYTES = 10_485_761;

/** What a page's script is given. */
interface Given {
  readonly url: string;
  readonly protocols: readonly string[];
  /** Base64. */
  readonly images: readonly string[];
  /** Bytes of what is sent when all images are done; undefined: the page closes the socket. */
  readonly last: number | undefined;
}

/** What the page saw. */
interface Seen {
  readonly told: readonly Told[];
  readonly code: number;
  readonly protocol: string;
}

/** Runs in the page: sends the images, until the socket is closed. */
function converse({ url, protocols, images, last }: Given): Promise<Seen> {
  const socket = new WebSocket(url, [...protocols]);
  const told: Told[] = [];
  socket.onopen = () => {
    for (const image of images) socket.send(new Blob([Uint8Array.fromBase64(image)]));
  };
  socket.onmessage = ({ data }) => {
    told.push(JSON.parse(data));
    if (told.filter(({ type }) => type === "succeeded").length < images.length) return;
    if (last === undefined) socket.close(1000);
    else socket.send(new Uint8Array(last));
  };
  return new Promise((resolve) => {
    socket.onclose = ({ code }) => resolve({ told, code, protocol: socket.protocol });
  });
}

/** Has a page send the pictures to a gateway. */
async function conversation(
  { page }: OpenPage,
  gateway: string,
  { protocols = [], last }: Partial<Pick<Given, "protocols" | "last">> = {},
): Promise<Seen> {
  const url = `${gateway.replace("http:", "ws:")}/v1/socket`;
  const images = PICTURES.map(({ bytes }) => bytes.toBase64());
  return await within(
    page.evaluate(converse, { url, protocols, images, last }),
    "the page's socket is closed",
  );
}

/** Asserts that all pictures were accepted and answered, each in order. */
function assertAnswered(told: readonly Told[]): void {
  PICTURES.forEach((picture, i) => {
    const its = told.filter(({ seq }) => seq === i + 1);
    assert.deepEqual(
      its.map(({ type }) => type),
      ["accepted", "queued", "running", "prediction", "succeeded"],
    );
    assertSees(its.at(-1)!.result.predictions, picture);
  });
  assert.equal(told.length, 5 * PICTURES.length);
}

testWeir(
  "a browser's WebSocket sends images and is told of each",
  { ignore: withoutBrowser },
  async (weir) => {
    const { url } = weir;
    await using open = await openPage();
    await open.page.goto(`${url}/docs`);
    const { told, code } = await conversation(open, url);
    assertAnswered(told);
    assert.equal(code, 1000);
    assert.deepEqual(open.complaints, []);
    assertAtHome(url, open);
    await weir.assertEmpty();
  },
);

Deno.test({
  name: "a browser's WebSocket where API keys are needed",
  ignore: withoutBrowser,
  fn: async (t) => {
    await using given = await apiKeys({ ada: "client" });
    const { file, keys: { ada: key } } = given;
    await using weir = await startWeir({ env: { WEIR_API_KEYS_FILE: file } });
    const { url } = weir;
    const step = stepsOf(t);
    const keyed = ["weir", `weir.key.${key}`];

    await printingLog(weir, async () => {
      await using open = await openPage();
      const { page, complaints } = open;
      await page.goto(`${url}/docs`);

      await step("is told of its images, and is closed for what is too large", async () => {
        const seen = await conversation(open, url, { protocols: keyed, last: TOO_MANY_BYTES });
        assertAnswered(seen.told);
        assert.deepEqual([seen.code, seen.protocol], [1009, "weir"]);
      });

      await step("is closed with a wrong key, and without one", async () => {
        for (const protocols of [["weir", `weir.key.${newApiKey()}`], ["weir"]]) {
          const { told, code } = await conversation(open, url, { protocols });
          assert.deepEqual([told, code], [[], 1008]);
        }
        assert.deepEqual(complaints, []);
        assertAtHome(url, open);
      });

      await step("opens none from a page of another origin, even with a key", async () => {
        const silent = { hostname: "127.0.0.1", port: 0, onListen: () => undefined };
        await using other = Deno.serve(silent, () => new Response("a page"));
        await page.goto(`http://127.0.0.1:${other.addr.port}`);
        const { told, code } = await conversation(open, url, { protocols: keyed });
        assert.deepEqual([told, code], [[], 1006]);
        assert.match(complaints.join(), /WebSocket connection .* 403/);
      });
      await weir.assertEmpty();
      await weir.drain();
    });
  },
});
