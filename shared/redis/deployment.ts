/**
 * What all processes of a deployment must agree on, kept in Redis by the first of them.
 *
 * @module
 */
import type { Commands } from "./guard.ts";
import { LAYOUT_VERSION, META_KEY } from "./keys.ts";

/** This process and the deployment disagree; carries the sentence that says so. */
export class DeploymentMismatch extends Error {
  override readonly name = "DeploymentMismatch";
}

/**
 * Joins the deployment.
 *
 * @param shards `WEIR_SHARDS`
 * @throws {DeploymentMismatch} where its keys are laid out for another version of Weir, or spread
 * over another number of shards
 */
export async function joinDeployment(commands: Commands, shards: number): Promise<void> {
  const [layout, count] = await commands.run(async (client) => {
    await client.hsetnx(META_KEY, "layout", LAYOUT_VERSION);
    await client.hsetnx(META_KEY, "shards", shards);
    return await client.hmget(META_KEY, "layout", "shards");
  });
  if (layout !== String(LAYOUT_VERSION)) {
    throw new DeploymentMismatch(
      `redis holds the keys of another version of Weir (layout ${layout}, this one knows ` +
        `${LAYOUT_VERSION}): finish its jobs with that version, or use another Redis`,
    );
  }
  if (count !== String(shards)) {
    throw new DeploymentMismatch(
      `redis holds a deployment of ${count} shards, and WEIR_SHARDS is ${shards}: set it to ` +
        `${count}, or finish the jobs, stop all processes and delete the key ${META_KEY}`,
    );
  }
}
