/**
 * What set-up says of one part.
 *
 * Invariant: a part that is missing comes with the sentence a person needs.
 *
 * @module
 */

/** `found` was there before, `installed` came ready-made, `built` was compiled here. */
export type PartReport<Details> =
  | ({ readonly state: "found" | "installed" | "built" } & Details)
  | { readonly state: "missing"; readonly reason: string };
