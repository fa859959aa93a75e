/**
 * Pictures to post, and what must be answered for each.
 *
 * @module
 */
import sharp from "sharp";
import { COLOURS, colourScores, writeColourModel } from "../worker/models/testing/colour_model.ts";
import { type TempFolder, tempFolder } from "./temp_folder.ts";

/** A picture with the class that it must be given. */
export interface Picture {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly label: string;
  readonly probability: number;
}

/** A repository with the net that names colours, in a folder of its own. */
export async function colourModels(name = "colour"): Promise<TempFolder> {
  const folder = await tempFolder();
  await writeColourModel(folder.path, name);
  return folder;
}

/** A picture of one colour, as PNG: nothing is lost on the way. */
export async function colourPicture(
  rgb: readonly [number, number, number],
  { side = 8, compressed = true }: { side?: number; compressed?: boolean } = {},
): Promise<Picture> {
  const [r, g, b] = rgb;
  const create = { width: side, height: side, channels: 3, background: { r, g, b } } as const;
  const png = sharp({ create }).png({ compressionLevel: compressed ? 9 : 0 });
  const scores = colourScores(rgb.map((sample) => sample / 255));
  const probability = Math.max(...scores);
  return {
    bytes: new Uint8Array(await png.toBuffer()),
    label: COLOURS[scores.indexOf(probability)]!,
    probability,
  };
}
