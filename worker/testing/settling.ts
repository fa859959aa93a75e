/**
 * A settler on a source without Redis, with everything around it in reach.
 *
 * @module
 */
import { type KeptLog, keptLog } from "../../shared/testing/kept_log.ts";
import { ManualClock } from "../../shared/testing/manual_clock.ts";
import { Registry } from "prom-client";
import { countFinished } from "../../shared/metrics.ts";
import { Hands } from "../hands.ts";
import { Settler } from "../settler.ts";
import type { Delivery } from "../../shared/broker.ts";
import { HandedSource } from "./handed_source.ts";

export interface Settling {
  readonly source: HandedSource;
  readonly hands: Hands;
  readonly clock: ManualClock;
  readonly log: KeptLog;
  readonly giveUp: AbortController;
  /** Delays of the jobs that were put off. */
  readonly retried: number[];
  readonly settler: Settler;
}

export function openSettling(): Settling {
  const source = new HandedSource();
  const hands = new Hands();
  const clock = new ManualClock();
  const log = keptLog();
  const giveUp = new AbortController();
  const retried: number[] = [];
  const counts = { finished: countFinished(new Registry()) };
  const onRetry = (_: Delivery, delayMs: number) => void retried.push(delayMs);
  const settler = new Settler({
    sources: [source],
    ...{ hands, onRetry, counts, clock, log },
    giveUp: giveUp.signal,
  });
  return { source, hands, clock, log, giveUp, retried, settler };
}
