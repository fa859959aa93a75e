/**
 * The permissions of a process, given up when only starting took them.
 *
 * @module
 */

/** All but the network: what Redis' address is, and which servers it leads to, is known only later. */
const GIVEN_UP = ["read", "write", "env", "sys", "ffi", "run", "import"] as const;

/**
 * Gives them up, for this process with all its threads and for good. Code that was loaded as a
 * native library is not held by permissions.
 */
export async function shedPermissions(): Promise<void> {
  for (const name of GIVEN_UP) await Deno.permissions.revoke({ name });
}
