/**
 * Bodies of the Open Inference Protocol, sound and damaged: JSON, JSON with binary tensors behind
 * it, compressed.
 *
 * Pure: the same random source gives the same body.
 *
 * @module
 */
import fc from "fast-check";
import { deflateSync, gzipSync } from "node:zlib";
import type { Random } from "../../fixtures/training/random.ts";
import { type Bytes, damaged, join } from "./bytes.ts";
import type { Head } from "./requests.ts";

/** A body with what has to be said of it. */
export interface InferBody {
  readonly body: Bytes;
  readonly headers: Head["headers"];
}

/** Makes a body that asks for an image; most are damaged somewhere. */
export function inferBody(random: Random, image: Bytes): InferBody {
  const plain = random.chance(0.5) ? asJson(random, image) : asBinary(random, image);
  const sent = random.chance(0.2) ? { ...plain, body: damaged(random, plain.body) } : plain;
  return random.chance(0.1) ? compressed(random, sent) : sent;
}

const JSON_TYPE = ["Content-Type", "application/json"] as const;

/** Everything in JSON, the image as base64. */
function asJson(random: Random, image: Bytes): InferBody {
  const inputs = [{ name: "image", datatype: "BYTES", shape: [1], data: [image.toBase64()] }];
  return { body: written(random, { inputs }), headers: [JSON_TYPE] };
}

/** JSON, and behind it the elements of the tensor, each behind its length. */
function asBinary(random: Random, image: Bytes): InferBody {
  const element = join(u32(random.chance(0.8) ? image.length : random.integer(0, 2 ** 31)), image);
  const parameters = { binary_data_size: element.length };
  const json = written(random, {
    inputs: [{ name: "image", datatype: "BYTES", shape: [1], parameters }],
    outputs: [{ name: "probabilities", parameters: { binary_data: true } }],
  });
  const length = random.chance(0.8) ? json.length : random.integer(-1, 2 * json.length);
  return {
    body: join(json, element),
    headers: [
      ["Content-Type", "application/octet-stream"],
      ["Inference-Header-Content-Length", String(length)],
    ],
  };
}

function compressed(random: Random, { body, headers }: InferBody): InferBody {
  const [name, compress] = random.pick([["gzip", gzipSync], ["deflate", deflateSync]] as const);
  const bytes = Uint8Array.from(compress(body));
  return {
    body: random.chance(0.5) ? damaged(random, bytes) : bytes,
    headers: [...headers, ["Content-Encoding", name]],
  };
}

function written(random: Random, json: unknown): Bytes {
  const text = JSON.stringify(random.chance(0.4) ? json : withOddValue(random, json));
  return new TextEncoder().encode(text);
}

function u32(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** Any JSON at all. */
function anyJson(random: Random): unknown {
  const seed = random.integer(0, 2 ** 31 - 1);
  return fc.sample(fc.jsonValue({ maxDepth: 4 }), { seed, numRuns: 1 })[0];
}

/** Puts anything in the place of one of the values within. */
function withOddValue(random: Random, json: unknown): unknown {
  if (typeof json !== "object" || json === null || random.chance(0.15)) {
    return random.pick<unknown>([anyJson(random), -1, 1e308, 2 ** 53, "", [], {}, null]);
  }
  const keys = Object.keys(json);
  if (keys.length === 0) return anyJson(random);
  const key = keys[random.integer(0, keys.length - 1)]!;
  const done = Array.isArray(json) ? [...json] : { ...json };
  const values = done as Record<string, unknown>;
  if (random.chance(0.1)) delete values[key];
  else values[key] = withOddValue(random, values[key]);
  return done;
}
