/**
 * The `model.json` of a TensorFlow.js network: its format, and the weight files it names.
 *
 * Owns what is known of that file and the arithmetic of its weights. Never loads a network.
 * Invariant: weights that pass are all there, each group as long as its manifest says.
 *
 * @see https://www.tensorflow.org/js/guide/save_load#modeljson
 * @module
 */
import { dirname } from "node:path";
import { z } from "zod";
import { readJsonFile } from "./json_file.ts";
import { faultOf, ModelError } from "./model_error.ts";
import { pathWithin } from "./path.ts";

/** Bytes of one number as it lies in a shard. */
const BYTES = {
  float32: 4,
  int32: 4,
  bool: 1,
  complex64: 8,
  float16: 2,
  uint16: 2,
  uint8: 1,
} as const;

const Weight = z.object({
  shape: z.array(z.int().min(0)),
  dtype: z.enum(["float32", "int32", "bool", "complex64", "string"]),
  quantization: z.object({ dtype: z.enum(["float16", "uint16", "uint8"]) }).optional(),
});

const Manifest = z.object({
  format: z.enum(["layers-model", "graph-model"]),
  weightsManifest: z.array(
    z.object({ paths: z.array(z.string().min(1)), weights: z.array(Weight) }),
  ),
});

type Group = z.infer<typeof Manifest>["weightsManifest"][number];

/**
 * Checks a `model.json` and the weight files it names.
 *
 * @param entry path of the `model.json`
 * @param modelFolder folder that no shard may lie outside of
 * @returns the network's format
 * @throws {ModelError} naming the file and the fault
 */
export async function checkManifest(
  entry: string,
  modelFolder: string,
): Promise<"layers" | "graph"> {
  const manifest = await readJsonFile(entry, Manifest);
  for (const group of manifest.weightsManifest) await checkGroup(group, entry, modelFolder);
  return manifest.format === "layers-model" ? "layers" : "graph";
}

/**
 * Paths of the weight files that a `model.json` names, as it names them, each once.
 *
 * @param entry path of the `model.json`; a shard may lie in its folder and below
 * @throws {ModelError} naming the file and the fault, such as a path that leads elsewhere
 */
export async function shardsOf(entry: string): Promise<string[]> {
  const { weightsManifest } = await readJsonFile(entry, Manifest);
  const paths = new Set(weightsManifest.flatMap(({ paths }) => paths));
  for (const path of paths) pathWithin(dirname(entry), dirname(entry), path, entry);
  return [...paths];
}

async function checkGroup(group: Group, entry: string, modelFolder: string): Promise<void> {
  let actual = 0;
  for (const path of group.paths) {
    const shard = pathWithin(modelFolder, dirname(entry), path, entry);
    actual += await shardBytes(shard, entry);
  }
  const described = groupBytes(group);
  if (described !== undefined && actual !== described) {
    const shards = group.paths.map((path) => `"${path}"`).join(", ");
    throw new ModelError(
      `cannot read the weights of "${entry}": ${shards} hold ${actual} bytes, ` +
        `the manifest describes ${described}`,
    );
  }
}

async function shardBytes(shard: string, entry: string): Promise<number> {
  try {
    return (await Deno.stat(shard)).size;
  } catch (error) {
    throw new ModelError(`cannot read "${shard}", a shard of "${entry}": ${faultOf(error)}`);
  }
}

/** Bytes that a group's weights take; unknown where some are strings, which carry their lengths. */
function groupBytes({ weights }: Group): number | undefined {
  let bytes = 0;
  for (const { shape, dtype, quantization } of weights) {
    const stored = quantization?.dtype ?? dtype;
    if (stored === "string") return undefined;
    bytes += shape.reduce((product, side) => product * side, BYTES[stored]);
  }
  return bytes;
}
