/**
 * Certificates for a server of this machine, signed by an authority that nobody else knows.
 *
 * @module
 */
import { join } from "node:path";
import { generate } from "selfsigned";
import { tempFolder } from "./temp_folder.ts";

/** Files in PEM form, in a folder of their own. */
export interface Certificates extends AsyncDisposable {
  /** Certificate of the authority: what clients have to trust. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

const KIND = { keyType: "ec", algorithm: "sha256" } as const;

/** Makes an authority, and a certificate by it for 127.0.0.1. */
export async function loopbackCertificates(): Promise<Certificates> {
  const authority = await generate([{ name: "commonName", value: "tests' authority" }], {
    ...KIND,
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, critical: true },
    ],
  });
  const server = await generate([{ name: "commonName", value: "127.0.0.1" }], {
    ...KIND,
    ca: { key: authority.private, cert: authority.cert },
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
  });
  const folder = await tempFolder();
  const write = async (name: string, text: string) => {
    const path = join(folder.path, name);
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    return path;
  };
  return {
    authority: await write("authority.pem", authority.cert),
    certificate: await write("certificate.pem", server.cert),
    key: await write("key.pem", server.private),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
