/**
 * Prints which engine is selected, as `NAME: REASON`: `print_selection.ts auto|NAME FORMAT`.
 *
 * A process of its own, because permissions and the choice of a backend hold for all of one.
 * For tests alone.
 *
 * @module
 */
import type { EngineName, ModelFormat } from "../engine.ts";
import { selectEngine } from "../select.ts";

const clock = { sleep: () => Promise.resolve() };
const [wanted, format] = Deno.args as ["auto" | EngineName, ModelFormat];
const { engine, reason } = await selectEngine(wanted, format, { delayMs: 0, clock });
await Deno.stdout.write(new TextEncoder().encode(`${engine?.name ?? "none"}: ${reason}`));
