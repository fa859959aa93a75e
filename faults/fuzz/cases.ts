/**
 * Cases: what is sent, drawn from seed and number.
 *
 * Pure: a number's case does not depend on the cases before it, so that each can be sent again.
 *
 * @module
 */
import { Random } from "../../fixtures/training/random.ts";
import { type Bytes, damaged, flipped, join, latin1, noise, truncated } from "./bytes.ts";
import type { Contract, Operation } from "./contract.ts";
import { inferBody } from "./infer_body.ts";
import { mutate, type Mutation, MUTATIONS } from "./image_mutation.ts";
import {
  type Head,
  type Known,
  soundHead,
  withOddHeaders,
  withOddHost,
  withOddMethod,
  withOddPath,
  withOddQuery,
  withUpgrade,
  written,
} from "./requests.ts";
import type { Seed } from "./seeds.ts";

export interface Case {
  /** For the table: `image: truncate`. */
  readonly kind: string;
  readonly request: Bytes;
  /** Whether our side is closed behind the request. */
  readonly halfClosed: boolean;
  /** Whether it is HTTP, so that an answer of ours is due. */
  readonly isHttp: boolean;
  /** Whether it brings an image to where images are taken, so that a worker could decode it. */
  readonly hasImage: boolean;
  readonly isHead: boolean;
  /** What it asks for, where that is sure. */
  readonly operation?: Operation;
}

/** What cases are made of. */
export interface Material extends Known {
  readonly contract: Contract;
  readonly seeds: readonly [Seed, ...Seed[]];
}

const BOUNDARY = "boundary";
const FORM = "multipart/form-data";

/** Makes the case of a number. */
export function makeCase(seed: number, number: number, material: Material): Case {
  const random = new Random(seed, number);
  const kind = random.next();
  if (kind < 0.6) return imageCase(random, material);
  if (kind < 0.7) return formCase(random, material);
  if (kind < 0.9) return requestCase(random, material);
  return wireCase(random, material);
}

/** One of the operations that can do something; there is always one. */
function operationThat(
  random: Random,
  { contract: { operations } }: Material,
  can: (operation: Operation) => boolean,
): Operation {
  const [first, ...rest] = operations.filter(can);
  return random.pick(first === undefined ? operations : [first, ...rest]);
}

function takes(type: string): (operation: Operation) => boolean {
  return (operation) => operation.takes.includes(type);
}

/** Drawn so that most keep a header that can be read. */
function drawMutation(random: Random): Mutation {
  return random.chance(0.3) ? random.pick(["flip picture", "picture"]) : random.pick(MUTATIONS);
}

/** A damaged image, sent as a client would. */
function imageCase(random: Random, material: Material): Case {
  const mutation = drawMutation(random);
  const image = mutate(random, mutation, random.pick(material.seeds), material.seeds);
  const operation = operationThat(random, material, takes(FORM));
  const head = soundHead(operation, material);
  const request = random.chance(0.7) ? written(head, image) : formRequest(
    head,
    form(random.chance(0.5) ? [image] : [image, random.pick(material.seeds).bytes]),
  );
  return { ...SOUND, kind: `image: ${mutation}`, request, hasImage: true, operation };
}

const SOUND = { halfClosed: false, isHttp: true, hasImage: false, isHead: false } as const;

function form(images: readonly Uint8Array[]): Bytes {
  const disposition = 'Content-Disposition: form-data; name="image"; filename="a.png"';
  return join(
    ...images.flatMap((image) => [`--${BOUNDARY}\r\n${disposition}\r\n\r\n`, image, "\r\n"]),
    `--${BOUNDARY}--\r\n`,
  );
}

function formRequest(head: Head, body: Bytes, type = `${FORM}; boundary=${BOUNDARY}`): Bytes {
  return written({ ...head, headers: [...head.headers, ["Content-Type", type]] }, body);
}

/** A damaged form of sound images. */
function formCase(random: Random, material: Material): Case {
  const operation = operationThat(random, material, takes(FORM));
  const head = soundHead(operation, material);
  const image = random.pick(material.seeds).bytes;
  const sound = form(Array<Bytes>(random.chance(0.05) ? 70 : random.integer(0, 3)).fill(image));
  const odd = random.pick<() => Bytes>([
    () => formRequest(head, damaged(random, sound)),
    () => formRequest(head, withDamagedHeaders(random, sound)),
    () =>
      formRequest(head, sound, `${FORM}; boundary=${random.pick(["", "other", "b".repeat(71)])}`),
    () => formRequest(head, join(...Array<string>(300).fill(`--${BOUNDARY}\r\n\r\n\r\n`), sound)),
    () => formRequest(head, form([sound, image])),
    () => formRequest(head, join(`--${BOUNDARY}\r\nX: ${"x".repeat(9_000)}\r\n\r\n`, sound)),
    () => formRequest(head, sound),
  ]);
  return { ...SOUND, kind: "form", request: odd(), hasImage: true, operation };
}

/** Damages what stands before the first image. */
function withDamagedHeaders(random: Random, body: Bytes): Bytes {
  return join(damaged(random, body.subarray(0, 90)), body.subarray(90));
}

/** Any operation, asked for oddly. */
function requestCase(random: Random, material: Material): Case {
  const operation = random.chance(0.3)
    ? operationThat(random, material, takes("application/json"))
    : random.pick(material.contract.operations);
  const sound = soundHead(operation, material);
  const { body, headers } = bodyFor(random, operation, material);
  const typed = { ...sound, headers: [...sound.headers, ...headers] };
  const odd = random.pick<() => { kind: string; head: Head; isKnown: boolean }>([
    () => ({ kind: "sound", head: typed, isKnown: true }),
    () => ({ kind: "query", head: withOddQuery(random, operation, typed), isKnown: true }),
    () => ({ kind: "headers", head: withOddHeaders(random, operation, typed), isKnown: true }),
    () => ({ kind: "path", head: withOddPath(random, operation, typed), isKnown: false }),
    () => ({ kind: "method", head: withOddMethod(random, typed), isKnown: false }),
    () => ({ kind: "host", head: withOddHost(random, typed), isKnown: true }),
    () => ({ kind: "upgrade", head: withUpgrade(typed), isKnown: false }),
  ]);
  const { kind, head, isKnown } = odd();
  const isInfer = operation.takes.includes("application/json");
  return {
    ...SOUND,
    kind: `${isInfer ? "infer" : "request"}: ${kind}`,
    hasImage: isInfer && kind === "sound",
    request: written(head, body),
    // An upgrade with a body is refused by the server itself.
    isHttp: kind !== "upgrade",
    isHead: head.method === "HEAD",
    ...(isKnown && { operation }),
  };
}

/** Something like what the operation takes; sometimes where it takes nothing. */
function bodyFor(
  random: Random,
  operation: Operation,
  { seeds }: Material,
): { body?: Bytes; headers: Head["headers"] } {
  const image = random.pick(seeds).bytes;
  if (operation.takes.includes("application/json")) {
    return inferBody(
      random,
      random.chance(0.5) ? flipped(random, image, image.length >> 1) : image,
    );
  }
  if (operation.takes.length > 0) return { body: image, headers: [] };
  if (random.chance(0.9)) return { headers: [] };
  return { body: noise(random, random.integer(0, 2_000)), headers: [] };
}

/** What is no HTTP any more, or hardly. */
function wireCase(random: Random, material: Material): Case {
  const operation = operationThat(random, material, takes(FORM));
  const head = soundHead(operation, material);
  const image = random.pick(material.seeds).bytes;
  const whole = written(head, image);
  const headBytes = whole.length - image.length;
  const chunked = written({
    ...head,
    headers: [...head.headers, ["Transfer-Encoding", "chunked"]],
  });
  const odd: Readonly<Record<string, () => Bytes>> = {
    head: () => join(damaged(random, whole.subarray(0, headBytes)), image),
    cut: () => truncated(random, whole),
    chunks: () => join(chunked, damaged(random, join(chunk(image), "0\r\n\r\n"))),
    "sound chunks": () => join(chunked, chunk(image), "0\r\n\r\n"),
    length: () => join(withOddLength(random, whole.subarray(0, headBytes)), image),
    "long line": () => written({ ...head, target: `/${"x".repeat(70_000)}` }),
    "long headers": () => written(withMany(head, 40, 20_000), image),
    "many headers": () => written(withMany(head, 500, 5), image),
    noise: () => noise(random, random.integer(1, 500)),
    twice: () => join(whole, whole),
  };
  const names = Object.keys(odd) as [string, ...string[]];
  const kind = random.pick(names);
  return {
    ...SOUND,
    kind: `wire: ${kind}`,
    request: odd[kind]!(),
    halfClosed: kind !== "sound chunks",
    isHttp: false,
  };
}

function chunk(bytes: Uint8Array): Bytes {
  return join(`${bytes.length.toString(16)}\r\n`, bytes, "\r\n");
}

/** A head with a length that is not the body's. */
function withOddLength(random: Random, head: Bytes): Bytes {
  const text = String.fromCharCode(...head);
  const length = random.pick(["0", "1", "99999", "-1", "1e3", "18446744073709551616", "5, 5", ""]);
  return latin1(text.replace(/Content-Length: \d+/, `Content-Length: ${length}`));
}

function withMany(head: Head, count: number, length: number): Head {
  const many = Array.from({ length: count }, (_, i) => [`X-${i}`, "x".repeat(length)] as const);
  return { ...head, headers: [...head.headers, ...many] };
}
