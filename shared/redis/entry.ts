/**
 * A job as an entry of its stream: small fields as text, images as they came, never base64.
 *
 * ```text
 * id ID  [version N]  [top N]  [traceparent TEXT]  image BYTES  [image BYTES …]
 * ```
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Delivery } from "../broker.ts";
import { type NewJob, parseJobId } from "../job.ts";

/** Names and values for XADD. */
export function jobEntry(job: NewJob): (string | Buffer)[] {
  const fields: (string | Buffer)[] = ["id", job.id];
  if (job.version !== undefined) fields.push("version", job.version);
  if (job.top !== undefined) fields.push("top", String(job.top));
  if (job.traceparent !== undefined) fields.push("traceparent", job.traceparent);
  for (const { bytes } of job.images) {
    // A view of the same memory: the image is not copied.
    fields.push("image", Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }
  return fields;
}

/** Where an entry was read. */
export interface Origin {
  readonly shard: number;
  readonly model: string;
  readonly lane: number;
  readonly entry: string;
}

/** Reads an entry; undefined where it is none of ours. */
export function parseEntry(origin: Origin, fields: readonly Buffer[]): Delivery | undefined {
  const texts = new Map<string, string>();
  const images: Uint8Array[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i]!.toString();
    const value = fields[i + 1]!;
    if (name === "image") images.push(value);
    else texts.set(name, value.toString());
  }
  const id = parseJobId(texts.get("id") ?? "");
  if (id === undefined || images.length === 0) return undefined;
  const version = texts.get("version");
  const top = texts.get("top");
  const traceparent = texts.get("traceparent");
  return {
    ...origin,
    id,
    images,
    bytes: images.reduce((sum, image) => sum + image.byteLength, 0),
    ...(version !== undefined && { version }),
    ...(top !== undefined && { top: Number(top) }),
    ...(traceparent !== undefined && { traceparent }),
  };
}
