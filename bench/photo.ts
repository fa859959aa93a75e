/**
 * The photo that bench posts: of the size of a photo from a phone made small for the web.
 *
 * @module
 */
import { join } from "node:path";
import sharp from "sharp";

/** Size of the usual photo in pixels: about 80 kB. */
const USUAL = { width: 800, height: 480 };

/** Pixels of the photo for each one of the noise it is drawn from. */
const COARSENESS = 8;

/** Draws it, the same each time: cloudy noise, which takes as many bytes as a real photo. */
export async function drawPhoto(folder: string, { width, height } = USUAL): Promise<string> {
  const raw = { width: width / COARSENESS, height: height / COARSENESS, channels: 3 } as const;
  const noise = Uint8Array.from(
    { length: raw.width * raw.height * raw.channels },
    (_, i) => (Math.imul(i + 1, 2654435761) >>> 8) & 255,
  );
  const file = join(folder, `${width}.jpg`);
  await sharp(noise, { raw })
    .resize(width, height, { kernel: "cubic" })
    .jpeg({ quality: 80, progressive: true })
    .toFile(file);
  return file;
}
