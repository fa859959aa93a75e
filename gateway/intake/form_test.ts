import fc from "fast-check";
import assert from "node:assert/strict";
import { parseForm } from "./form.ts";

const TYPE = "multipart/form-data; boundary=XyZ";

/** A character a byte, so that a test can write bytes beyond ASCII as escapes. */
function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The parts as `name=content`, or the fault. */
function parsed(body: string, type = TYPE): string[] | string {
  const form = parseForm(latin1(body), type);
  if (!form.ok) return form.state;
  return form.parts.map(({ name, content }) => `${name}=${String.fromCharCode(...content)}`);
}

/** A form of one part, with the given headers. */
function one(...headers: string[]): string {
  return `--XyZ\r\n${headers.join("\r\n")}\r\n\r\nabc\r\n--XyZ--\r\n`;
}

const dispositions: [name: string, header: string, field: string][] = [
  ["quoted", 'Content-Disposition: form-data; name="image"; filename="a.jpg"', "image"],
  ["bare", "Content-Disposition: form-data; name=image; filename=a.jpg", "image"],
  ["in another case", 'CONTENT-DISPOSITION:form-data;NAME="image"', "image"],
  ["behind the file's name", 'Content-Disposition: form-data; filename="a"; name="image"', "image"],
  ["mimicked in a file's name", 'Content-Disposition: form-data; filename="; name=x"', ""],
  ["with a quote", 'Content-Disposition: form-data; name="a\\"b"', 'a\\"b'],
  ["beside UTF-8", 'Content-Disposition: form-data; name="image"; filename="\xd1\x84"', "image"],
  ["beside Latin-1", 'Content-Disposition: form-data; filename="\xe9.jpg"; name="image"', "image"],
  [
    "beside a Windows path",
    'Content-Disposition: form-data; name=image; filename="C:\\a"',
    "image",
  ],
  ["beside RFC 5987", "Content-Disposition: form-data; name=image; filename*=utf-8''%41", "image"],
  ["of the file alone", 'Content-Disposition: form-data; filename="image"', ""],
  ["missing", "Content-Type: image/jpeg", ""],
];

for (const [name, header, field] of dispositions) {
  Deno.test(`form: a field's name ${name} is understood`, () => {
    assert.deepEqual(parsed(one("Content-Type: image/jpeg", header)), [`${field}=abc`]);
  });
}

const part = 'Content-Disposition: form-data; name="image"';
const whole = one(part);

const wellFormed: [name: string, body: string, parts: string[]][] = [
  ["without parts", "--XyZ--", []],
  ["with a line break before it", `\r\n${whole}`, ["image=abc"]],
  ["between a preamble and an epilogue", `pre\r\n${whole}post`, ["image=abc"]],
  ["with padding behind the boundary", whole.replace("XyZ\r\n", "XyZ \t\r\n"), ["image=abc"]],
  ["with an empty part", whole.replace("abc", ""), ["image="]],
  ["with an empty part and no line for it", whole.replace("abc\r\n", ""), ["image="]],
  ["with a part without headers", "--XyZ\r\n\r\nabc\r\n--XyZ--", ["=abc"]],
  ["whose content ends in line breaks", whole.replace("abc", "\r\n\r\n"), ["image=\r\n\r\n"]],
  ["whose content nearly has the boundary", whole.replace("abc", "\r\n--Xy"), ["image=\r\n--Xy"]],
];

for (const [name, body, parts] of wellFormed) {
  Deno.test(`form: one ${name} is taken apart`, () => {
    assert.deepEqual(parsed(body), parts);
  });
}

Deno.test("form: one within another is a part like any other, and not looked into", () => {
  const inner = one(part).replaceAll("XyZ", "abc");
  const outer = one(part, "Content-Type: multipart/mixed; boundary=abc").replace("\r\nabc", inner);
  assert.deepEqual(parsed(outer).length, 1);
});

Deno.test("form: a name of any length costs no more than its part's headers may", () => {
  const name = (length: number) =>
    parsed(one(`Content-Disposition: form-data; name="${"n".repeat(length)}"`));
  assert.deepEqual(name(8_000), [`${"n".repeat(8_000)}=abc`]);
  assert.equal(name(8_192), "a part's headers are too long");
});

const malformed: [name: string, body: string, type: string, state: string][] = [
  ["an empty one", "", TYPE, "the boundary is not in it"],
  ["one with another boundary", whole, TYPE + "2", "the boundary is not in it"],
  ["one cut in its headers", whole.slice(0, 20), TYPE, "its end is missing"],
  ["one cut in its content", whole.slice(0, -10), TYPE, "its end is missing"],
  ["one cut behind a part", whole.slice(0, -4), TYPE, "its end is missing"],
  ["bare line feeds", whole.replaceAll("\r", ""), TYPE, "its end is missing"],
  ["no boundary", whole, "multipart/form-data", "its type names no boundary of 1 to 70 characters"],
  [
    "a long boundary",
    whole,
    `multipart/form-data; boundary=${"x".repeat(71)}`,
    "its type names no boundary of 1 to 70 characters",
  ],
  ["long headers", one(part, `X: ${"x".repeat(9_000)}`), TYPE, "a part's headers are too long"],
  ["many parts", "--XyZ\r\n\r\n\r\n".repeat(257) + "--XyZ--", TYPE, "more than 256 parts"],
];

for (const [name, body, type, state] of malformed) {
  Deno.test(`form: ${name} is malformed`, () => {
    assert.equal(parsed(body, type), state);
  });
}

Deno.test("form: whatever the platform writes is read back, in order and uncopied", async () => {
  const field = fc.string({ minLength: 1, unit: fc.constantFrom(..."image-_ 0") });
  const file = fc.tuple(field, fc.string({ unit: "grapheme" }), fc.uint8Array({ maxLength: 300 }));
  await fc.assert(fc.asyncProperty(fc.array(file, { maxLength: 8 }), async (files) => {
    const data = new FormData();
    for (const [name, fileName, content] of files) {
      data.append(name, new Blob([content as Uint8Array<ArrayBuffer>]), fileName);
    }
    const response = new Response(data);
    const type = response.headers.get("content-type") ?? "";
    const body = await response.bytes();
    const form = parseForm(body, type);
    assert.ok(form.ok);
    assert.deepEqual(
      form.parts.map(({ name, content }) => [name, Uint8Array.from(content)]),
      files.map(([name, , content]) => [name, Uint8Array.from(content)]),
    );
    for (const { content } of form.parts) assert.equal(content.buffer, body.buffer);
  }));
});

Deno.test("form: damaged ones always get an answer, and parts never overlap", () => {
  const body = `--XyZ\r\n${part}\r\n\r\nabc\r\n--XyZ\r\n${part}\r\n\r\ndefg\r\n--XyZ--\r\n`;
  const pieces = fc.constantFrom("\r\n", "--XyZ", "--", "\r\n\r\n", '"', ";", "name=", "\xff");
  const change = fc.tuple(fc.nat(body.length), fc.nat(8), pieces);
  fc.assert(
    fc.property(fc.array(change, { maxLength: 6 }), (changes) => {
      const text = changes.reduce(
        (done, [at, gone, piece]) => done.slice(0, at) + piece + done.slice(at + gone),
        body,
      );
      const form = parseForm(latin1(text), TYPE);
      if (!form.ok) return;
      const total = form.parts.reduce((sum, { content }) => sum + content.length, 0);
      assert.ok(total <= text.length);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("form: a view is read as itself, whatever stands around it", () => {
  const bytes = latin1(`junk${whole}junk`);
  const form = parseForm(bytes.subarray(4, -4), TYPE);
  assert.ok(form.ok && form.parts.length === 1);
  assert.deepEqual(form.parts[0]?.content, latin1("abc"));
});
