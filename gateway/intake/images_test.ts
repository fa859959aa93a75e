import assert from "node:assert/strict";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { type Images, IMAGES_MAX, readImages } from "./images.ts";

/** A clock on which no time passes: no body is late by itself. */
const stopped: Clock = { ...systemClock, after: () => () => undefined };

const OPTIONS = { bodyBytesMax: 100_000, bodyTimeoutMs: 5_000, clock: stopped };

function post(body: BodyInit, headers: Record<string, string> = {}): Promise<Images> {
  const request = new Request("http://localhost/predict", { method: "POST", body, headers });
  return readImages(request, OPTIONS);
}

/** A form with these fields, each holding the bytes of its text. */
function form(...fields: [name: string, content: string][]): FormData {
  const data = new FormData();
  for (const [name, content] of fields) data.append(name, new Blob([content]), "photo.jpg");
  return data;
}

/** The images as text, or the fault. */
function seen(images: Images): string[] | string {
  if (!images.ok) return `${images.code}: ${images.detail}`;
  return images.images.map((bytes) => new TextDecoder().decode(bytes));
}

Deno.test("images: a bare body is one image, whatever type it declares", async () => {
  for (const type of ["image/jpeg", "application/x-www-form-urlencoded", "text/plain"]) {
    assert.deepEqual(seen(await post("photo", { "content-type": type })), ["photo"]);
  }
  assert.deepEqual(seen(await post(new TextEncoder().encode("photo"))), ["photo"]);
});

Deno.test("images: an empty bare body is an empty image, for the header check to refuse", async () => {
  assert.deepEqual(seen(await post("")), [""]);
});

Deno.test("images: parts named image are taken in order, others ignored", async () => {
  const body = form(["image", "one"], ["note", "two"], ["image", "three"], ["images", "four"]);
  assert.deepEqual(seen(await post(body)), ["one", "three"]);
});

Deno.test("images: a field without a file name counts", async () => {
  const body = new FormData();
  body.append("image", "photo");
  assert.deepEqual(seen(await post(body)), ["photo"]);
});

Deno.test("images: a form without an image says which field is expected", async () => {
  const state = 'invalid_request: read form: no part is named "image"';
  assert.equal(seen(await post(form(["photo", "one"]))), state);
});

Deno.test("images: a form holds so many and no more", async () => {
  const fields = Array.from({ length: IMAGES_MAX }, (): [string, string] => ["image", "photo"]);
  assert.equal(seen(await post(form(...fields))).length, IMAGES_MAX);
  const more = form(...fields, ["image", "photo"]);
  assert.equal(seen(await post(more)), "invalid_request: read form: more than 64 images");
});

Deno.test("images: a malformed form is an invalid request", async () => {
  const headers = { "content-type": "Multipart/Form-Data; boundary=x" };
  const state = "invalid_request: read form: the boundary is not in it";
  assert.equal(seen(await post("photo", headers)), state);
});

Deno.test("images: a fault of the body is passed on", async () => {
  const state = "payload_too_large: read body: at most 100000 bytes are accepted";
  assert.equal(seen(await post("x".repeat(100_001))), state);
});
