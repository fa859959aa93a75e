import assert from "node:assert/strict";
import {
  HEADER_CHARACTERS_MAX,
  HEADERS_MAX,
  headFault,
  QUERY_PARAMETERS_MAX,
  URL_CHARACTERS_MAX,
} from "./head.ts";

const ADDRESS = "http://localhost/predict";

/** So many headers, each with a value of this length. */
function headers(count: number, length = 1): Headers {
  return new Headers(
    Array.from({ length: count }, (_, i): [string, string] => [`x-${i}`, "v".repeat(length)]),
  );
}

function judged(url: string, sent = new Headers()): string | undefined {
  return headFault({ url, headers: sent })?.detail;
}

Deno.test("head: what clients send passes", () => {
  assert.equal(judged(ADDRESS), undefined);
  assert.equal(judged(`${ADDRESS}?model=shapes&top=3`, headers(20, 100)), undefined);
  assert.equal(judged("http://[::1]:8080/v1/models/%D1%84"), undefined);
});

Deno.test("head: an address is bounded by its characters", () => {
  const longest = ADDRESS.padEnd(URL_CHARACTERS_MAX, "x");
  assert.equal(judged(longest), undefined);
  assert.equal(judged(`${longest}x`), "read head: the address has more than 8192 characters");
});

Deno.test("head: an address whose host is none is refused", () => {
  for (const host of ["a b", "[::", "host:99999", "%00"]) {
    assert.equal(judged(`http://${host}/predict`), "read head: the Host header is not a host");
  }
});

Deno.test("head: a query is bounded by its parameters, repeated or empty ones too", () => {
  for (const parameter of ["a=1", "", "a"]) {
    const most = Array<string>(QUERY_PARAMETERS_MAX).fill(parameter).join("&");
    assert.equal(judged(`${ADDRESS}?${most}`), undefined);
    assert.equal(judged(`${ADDRESS}?${most}&b=2`), "read head: more than 32 parameters");
  }
});

Deno.test("head: headers are bounded by their number and their characters", () => {
  assert.equal(judged(ADDRESS, headers(HEADERS_MAX)), undefined);
  assert.equal(judged(ADDRESS, headers(HEADERS_MAX + 1)), "read head: more than 100 headers");
  const most = new Headers({ cookie: "c".repeat(HEADER_CHARACTERS_MAX - "cookie".length) });
  assert.equal(judged(ADDRESS, most), undefined);
  most.set("a", "b");
  assert.equal(
    judged(ADDRESS, most),
    "read head: the headers have more than 32768 characters",
  );
});
