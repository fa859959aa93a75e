/**
 * Models and photo that bench runs where a model takes part.
 *
 * Those of the folder for trials beside the checkout, where there is one: a photo and an ImageNet
 * network. Otherwise, or for a quick look, the built-in model and a drawn photo.
 *
 * @module
 */
import { join } from "node:path";
import { drawPhoto } from "./photo.ts";
import type { Stage } from "./scenario.ts";

export interface BenchModels {
  /** What they are, for the report. */
  readonly description: string;
  /** Path of the photo. */
  readonly photo: string;
  /** Folder of models by engine: the default model is the same network. */
  readonly repositories: Readonly<Record<"tensorflow" | "onnx" | "wasm", string>>;
}

/** Finds them; what has to be made is made in the folder. */
export async function openModels(
  { root, quick }: Pick<Stage, "root" | "quick">,
  folder: string,
): Promise<BenchModels> {
  const trials = join(root, "..", "shared", "data");
  const [layers, photo] = [join(trials, "models"), join(trials, "images", "castle_image.jpg")];
  if (quick || !await Deno.stat(photo).then(() => true, () => false)) {
    const models = join(root, "fixtures", "models");
    return {
      description: "the built-in model and a drawn photo",
      photo: await drawPhoto(folder),
      repositories: { tensorflow: models, wasm: models, onnx: `${models}-onnx` },
    };
  }
  const { writeTwin } = await import("../fixtures/training/onnx_twin.ts");
  const onnx = join(folder, "onnx");
  await writeTwin(layers, onnx);
  return {
    description: "MobileNetV2 at 224x224 and a photo of a castle, 800x480, 78 kB",
    photo,
    repositories: { tensorflow: layers, wasm: layers, onnx },
  };
}
