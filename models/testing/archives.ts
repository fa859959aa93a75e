/**
 * Archives for tests, of any entries, those included that no program would make.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { crc32, gzipSync } from "node:zlib";
// @ts-types="npm:@types/tar-stream@3.1.4"
import tar from "tar-stream";

export interface TestEntry {
  readonly name: string;
  readonly text?: string | Uint8Array;
  readonly type?: "file" | "directory" | "symlink" | "link" | "fifo";
  readonly linkname?: string;
}

const encoder = new TextEncoder();

function bytesOf({ text = "" }: TestEntry): Uint8Array {
  return typeof text === "string" ? encoder.encode(text) : text;
}

/** A `.tar.gz`. */
export async function tarGz(entries: readonly TestEntry[]): Promise<Uint8Array<ArrayBuffer>> {
  const pack = tar.pack();
  for (const entry of entries) {
    const { name, type = "file", linkname } = entry;
    const header = { name, type, ...(linkname !== undefined && { linkname }) };
    if (type === "file") pack.entry(header, Buffer.from(bytesOf(entry)));
    else pack.entry(header);
  }
  pack.finalize();
  const pieces = await Array.fromAsync(pack as AsyncIterable<Uint8Array>);
  return new Uint8Array(gzipSync(Buffer.concat(pieces)));
}

/** A `.zip` of files that are stored as they are (APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16). */
export function zip(entries: readonly TestEntry[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const entry of entries) {
    const [name, bytes] = [encoder.encode(entry.name), bytesOf(entry)];
    // Version, flags, method, time, date, digest, both sizes, length of the name, none of the rest.
    const common = [
      ...[u16(20), u16(0), u16(0), u16(0), u16(0), u32(crc32(bytes))],
      ...[u32(bytes.length), u32(bytes.length), u16(name.length), u16(0)],
    ];
    const local = joined(u32(0x04034b50), ...common, name, bytes);
    const rest = [u16(0), u16(0), u16(0), u32(0), u32(offset)];
    directory.push(joined(u32(0x02014b50), u16(20), ...common, ...rest, name));
    parts.push(local);
    offset += local.length;
  }
  const central = joined(...directory);
  const counts = [u16(entries.length), u16(entries.length)];
  const end = joined(
    ...[u32(0x06054b50), u16(0), u16(0), ...counts, u32(central.length), u32(offset), u16(0)],
  );
  return joined(...parts, central, end);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 255, value >> 8);
}

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts));
}
