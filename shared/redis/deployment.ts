/**
 * What all processes of a deployment must agree on, kept in Redis by the first of them.
 *
 * @module
 */
import type { Redis } from "ioredis";
import { guarded } from "./connection.ts";
import { LAYOUT_VERSION, META_KEY } from "./keys.ts";

/** This process and the deployment disagree; carries the sentence that says so. */
export class DeploymentMismatch extends Error {
  override readonly name = "DeploymentMismatch";
}

/**
 * Joins the deployment.
 *
 * @throws {DeploymentMismatch} where its keys are laid out for another version of Weir
 */
export async function joinDeployment(client: Redis): Promise<void> {
  const layout = await guarded(client, async () => {
    await client.hsetnx(META_KEY, "layout", LAYOUT_VERSION);
    return await client.hget(META_KEY, "layout");
  });
  if (layout === String(LAYOUT_VERSION)) return;
  throw new DeploymentMismatch(
    `redis holds the keys of another version of Weir (layout ${layout}, this one knows ` +
      `${LAYOUT_VERSION}): finish its jobs with that version, or use another Redis`,
  );
}
