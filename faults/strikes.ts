/**
 * Carries out the plan: each fault when the run has come so far, a few at a time.
 *
 * Owns what is under way, and counts the jobs that each strike meets. Invariant: when it returns,
 * every process runs or is being started, and every proxy passes on what comes.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";
import type { Fleet, Member } from "./fleet.ts";
import type { History } from "./history.ts";
import type { Pace } from "./pace.ts";
import type { Fault, FaultKind } from "./plan.ts";
import { readRunning } from "./redis_state.ts";
import { pickVictim, RUNNING_MIN, type Victim } from "./victim.ts";

export interface StrikesParts {
  readonly fleet: Fleet;
  readonly pace: Pace;
  readonly plan: readonly Fault[];
  /** Submissions that are under way at once. */
  readonly concurrency: number;
  readonly history: History;
  readonly clock: Clock;
}

/** Faults that are under way at once, at most. */
export const FAULTS_AT_ONCE = 2;

/** How long a fault waits for jobs that it can meet, and between two looks. */
const MEETING_WAIT_MS = 5_000;
const LOOK_PAUSE_MS = 20;

/** What a fault does, to one process where it has a victim of its own. */
interface Strike {
  readonly aims: "worker" | "gateway" | "any" | "all";
  readonly run: (parts: {
    readonly fault: Fault;
    readonly members: readonly Member[];
    readonly fleet: Fleet;
    /** Waits as long as the fault lasts. */
    readonly last: () => Promise<void>;
    readonly signal: AbortSignal;
  }) => Promise<void>;
}

const kill: Strike["run"] = async ({ fault, members, last }) => {
  for (const { process } of members) process.kill(fault.forMs);
  await last();
};

const freeze: Strike["run"] = async ({ members, last }) => {
  using frozen = new DisposableStack();
  for (const { process } of members) frozen.use(process.freeze());
  await last();
};

const STRIKES: Readonly<Record<FaultKind, Strike>> = {
  "worker kill": { aims: "worker", run: kill },
  "worker freeze": { aims: "worker", run: freeze },
  "gateway kill": { aims: "gateway", run: kill },
  "gateway freeze": { aims: "gateway", run: freeze },
  "redis restart": {
    aims: "all",
    run: ({ fault, fleet, signal }) => fleet.redis.restart(fault.forMs, signal),
  },
  "cut": {
    aims: "all",
    run: ({ members }) => {
      for (const { proxy } of members) proxy.cut();
      return Promise.resolve();
    },
  },
  "delay": {
    aims: "all",
    run: async ({ fault, members, last }) => {
      for (const { proxy } of members) proxy.delayMs = fault.delayMs;
      await last();
      for (const { proxy } of members) proxy.delayMs = 0;
    },
  },
  "half-open": {
    aims: "any",
    run: async ({ members, last }) => {
      using silent = new DisposableStack();
      for (const { proxy } of members) silent.use(proxy.halfOpen());
      await last();
    },
  },
  "lost reply": {
    aims: "all",
    run: ({ members }) => {
      for (const { proxy } of members) proxy.loseReplies();
      return Promise.resolve();
    },
  },
};

export class Strikes {
  readonly #parts: StrikesParts;
  #struck = 0;

  constructor(parts: StrikesParts) {
    this.#parts = parts;
  }

  /** Faults that have struck so far. */
  get struck(): number {
    return this.#struck;
  }

  /** Strikes until the plan is over, or the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { plan, pace, concurrency } = this.#parts;
    const underWay = new Set<Promise<void>>();
    const allowUntil = (next: Fault | undefined) =>
      pace.allow(Math.max(next?.at ?? Infinity, pace.ended) + concurrency);
    allowUntil(plan[0]);
    for (const [i, fault] of plan.entries()) {
      await pace.untilEnded(fault.at);
      while (underWay.size >= FAULTS_AT_ONCE) await Promise.race(underWay);
      // From here on there are jobs again for this fault to meet.
      allowUntil(plan[i + 1]);
      const victim = await this.#victim(fault, signal);
      if (victim === undefined) break;
      const strike: Promise<void> = this.#strike(fault, victim, signal)
        .finally(() => underWay.delete(strike));
      underWay.add(strike);
    }
    await Promise.all(underWay);
  }

  async #strike(
    fault: Fault,
    { name, running, members }: Victim<Member>,
    signal: AbortSignal,
  ): Promise<void> {
    const { fleet, history, clock } = this.#parts;
    history.add({ kind: "struck", fault: fault.kind, victim: name, running });
    this.#struck++;
    const last = () => clock.sleep(fault.forMs, signal);
    await STRIKES[fault.kind].run({ fault, members, fleet, last, signal });
  }

  /** Waits until there is a victim with enough jobs, or any after a while. */
  async #victim(fault: Fault, signal: AbortSignal): Promise<Victim<Member> | undefined> {
    const { fleet, clock } = this.#parts;
    const { aims } = STRIKES[fault.kind];
    const began = clock.now();
    while (!signal.aborted) {
      const running = await readRunning(fleet.redis.client);
      const victim = pickVictim(candidates(fleet, aims, running), fault.pick);
      const late = clock.now() - began > MEETING_WAIT_MS;
      if (victim !== undefined && (late || victim.running >= RUNNING_MIN)) return victim;
      await clock.sleep(LOOK_PAUSE_MS, signal);
    }
    return undefined;
  }
}

/** Who can be struck now; a worker meets the jobs in its hands, everybody else all that run. */
function candidates(
  fleet: Fleet,
  aims: Strike["aims"],
  runningBy: ReadonlyMap<string, number>,
): Victim<Member>[] {
  const all = [...runningBy.values()].reduce((sum, count) => sum + count, 0);
  if (aims === "all") return [{ name: "all", running: all, members: fleet.members }];
  const victims = (members: readonly Member[], running: (identity: string) => number) =>
    members.flatMap((member) => {
      const { name, identity } = member.process;
      if (identity === undefined) return [];
      return [{ name, running: running(identity), members: [member] }];
    });
  const workers = victims(fleet.workers, (identity) => runningBy.get(identity) ?? 0);
  const gateways = victims(fleet.gateways, () => all);
  if (aims === "any") return [...gateways, ...workers];
  return aims === "worker" ? workers : gateways;
}
