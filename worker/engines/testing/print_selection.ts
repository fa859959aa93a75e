/**
 * Prints which engine is selected, as `NAME: REASON`: `print_selection.ts auto|NAME`.
 *
 * A process of its own, because permissions and the choice of a backend hold for all of one.
 * For tests alone.
 *
 * @module
 */
import type { EngineName } from "../engine.ts";
import { selectEngine } from "../select.ts";

const clock = { sleep: () => Promise.resolve() };
const wanted = Deno.args[0] as "auto" | EngineName;
const { engine, reason } = await selectEngine(wanted, { delayMs: 0, clock });
await Deno.stdout.write(new TextEncoder().encode(`${engine?.name ?? "none"}: ${reason}`));
