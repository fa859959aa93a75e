/**
 * The health check of an image: ends well where an address answers with a success.
 *
 * A program of its own, because the images have no other that could ask. Never looks into the
 * answer: its status says all.
 *
 * @module
 */

const [address] = Deno.args;
const response = await fetch(address!);
await response.body?.cancel();
if (!response.ok) Deno.exit(1);
