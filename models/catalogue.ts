/**
 * Models that can be added by name alone: where they lie, and what is known of them.
 *
 * Owns addresses and settings, as those who publish the models document them. Downloads nothing.
 * Invariant: all of an entry's settings are documented; none is guessed.
 *
 * @see https://www.tensorflow.org/hub/hosting for the form of the addresses
 * @module
 */

/** A model that is known by name. */
export interface CatalogueEntry {
  /** One line for the help. */
  readonly about: string;
  /** Address of the `model.json`. */
  readonly url: string;
  /** Address of the labels, one a line. */
  readonly labels: string;
  /** What goes into `weir.json` as `input` and `output`. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly output: Readonly<Record<string, unknown>>;
}

/** Classes of the networks below, "background" first: 1001 lines. */
const IMAGENET_LABELS =
  "https://storage.googleapis.com/download.tensorflow.org/data/ImageNetLabels.txt";

/**
 * Google's classifiers for ImageNet as TensorFlow Hub publishes them for TensorFlow.js: pictures
 * of 224 by 224 pixels with values from 0 to 1, answered with logits of 1001 classes.
 *
 * @see https://www.tensorflow.org/hub/common_signatures/images
 */
function imagenet(module: string, about: string): CatalogueEntry {
  return {
    about,
    url: `https://tfhub.dev/google/tfjs-model/imagenet/${module}/classification/3/default/1` +
      "/model.json?tfjs-format=file",
    labels: IMAGENET_LABELS,
    input: { width: 224, height: 224, fit: "fill", kernel: "bilinear", scale: "0to1" },
    output: { kind: "classes", activation: "softmax", firstLabel: 0 },
  };
}

/** The entries by name. */
export const CATALOGUE: Readonly<Record<string, CatalogueEntry>> = {
  mobilenet_v1: imagenet("mobilenet_v1_100_224", "MobileNet V1, ImageNet's classes"),
  mobilenet_v2: imagenet("mobilenet_v2_100_224", "MobileNet V2, ImageNet's classes"),
  resnet50: imagenet("resnet_v2_50", "ResNet V2 with 50 layers, ImageNet's classes"),
};
