/**
 * Clients as they should be: they ask again when refused or cut off, and follow what was accepted
 * to its outcome.
 *
 * Owns the bounds on what may take how long, and writes down all they are told. Never looks behind
 * HTTP. Invariant: every submission ends.
 *
 * @module
 */
import { z } from "zod";
import type { Clock } from "../shared/clock.ts";
import { FINAL_STATES, isFinal, LIVE_STATES } from "../shared/job.ts";
import type { History, Listener, Told } from "./history.ts";
import { type Answer, ask, type Call } from "./http_call.ts";
import { imageOf } from "./image.ts";
import { traceparentOf } from "./trace.ts";

/**
 * How a client wants its photo classified: `poll` submits a job and waits for it afterwards, `wait`
 * waits while submitting already, `predict` waits for the answer itself. The keyed ones ask twice at
 * once and once more at the end, all with one Idempotency-Key.
 */
export const MANNERS = ["poll", "wait", "predict", "keyed", "keyed predict"] as const;
export type Manner = (typeof MANNERS)[number];

export interface CustomerParts {
  /** Base addresses of the gateways that serve now. */
  readonly gateways: () => readonly string[];
  /** A number from 0 to below 1. */
  readonly random: () => number;
  /** A job's deadline, `WEIR_TIMEOUT_MS`. */
  readonly timeoutMs: number;
  readonly history: History;
  readonly clock: Clock;
}

/** What may pass beyond a wait that was agreed on before a client counts as hung. */
const MARGIN_MS = 20_000;

/** How long a client that is refused or cut off asks again. */
const PATIENCE_MS = 30_000;
/** Pauses before that: Retry-After is a second, a load balancer turns to another gateway sooner. */
const REFUSED_PAUSE_MS = 1000;
const BROKEN_PAUSE_MS = 200;

/** Seconds of `Prefer: wait`. */
const WAIT_S = 5;

const NEVER = new AbortController().signal;

const Job = z.object({
  id: z.string(),
  state: z.enum([...LIVE_STATES, ...FINAL_STATES]),
  finishedAt: z.string().nullable(),
});

const Problem = z.object({ code: z.string() });

export class Customer {
  readonly #parts: CustomerParts;

  constructor(parts: CustomerParts) {
    this.#parts = parts;
  }

  /** Has one photo classified, whatever it takes. */
  async serve(submission: number, manner: Manner): Promise<void> {
    const listener = { submission, keyed: manner.startsWith("keyed") };
    const visit = () =>
      manner.endsWith("predict")
        ? this.#predict(listener)
        : this.#create(listener, manner === "wait" ? WAIT_S : 0);
    if (!listener.keyed) return await visit();
    await Promise.all([visit(), visit()]);
    await visit();
  }

  /** Reads once more how a job ended. */
  async readAgain(listener: Listener, job: string): Promise<void> {
    await this.#follow(listener, job);
  }

  async #predict(listener: Listener): Promise<void> {
    const { timeoutMs } = this.#parts;
    const answer = await this.#submit(listener, "/predict", {}, timeoutMs);
    if (answer === undefined) return;
    if (answer.status === 200) this.#tell(listener, { kind: "outcome", state: "succeeded" });
    else if (answer.status === 504) this.#tell(listener, { kind: "outcome", state: "expired" });
    else this.#odd(listener, "POST /predict", answer);
  }

  async #create(listener: Listener, waitS: number): Promise<void> {
    const headers = waitS > 0 ? { prefer: `wait=${waitS}` } : {};
    const answer = await this.#submit(listener, "/v1/jobs", headers, 1000 * waitS);
    if (answer === undefined) return;
    const job = [200, 202].includes(answer.status) ? parsed(Job, answer.text) : undefined;
    if (job === undefined) return this.#odd(listener, "POST /v1/jobs", answer);
    this.#tell(listener, { kind: "accepted", job: job.id });
    if (!this.#tellOutcome(listener, job)) await this.#follow(listener, job.id);
  }

  /** Asks until there is an answer other than "not now"; undefined where there never was. */
  async #submit(
    listener: Listener,
    path: string,
    headers: Readonly<Record<string, string>>,
    waitMs: number,
  ): Promise<Answer & { kind: "response" } | undefined> {
    const { submission, keyed } = listener;
    const call = {
      method: "POST",
      headers: {
        ...headers,
        "content-type": "image/gif",
        "traceparent": traceparentOf(submission),
        ...(keyed && { "idempotency-key": `submission ${submission}` }),
      },
      body: imageOf(submission),
      boundMs: waitMs + MARGIN_MS,
    } as const;
    const answer = await this.#persistently(listener, path, call, PATIENCE_MS);
    if (answer === "late") this.#tell(listener, { kind: "unserved" });
    return typeof answer === "string" ? undefined : answer;
  }

  /** Waits for a job's outcome, as long as there may be none. */
  async #follow(listener: Listener, job: string): Promise<void> {
    const { clock, timeoutMs } = this.#parts;
    const path = `/v1/jobs/${job}`;
    const boundMs = timeoutMs + MARGIN_MS;
    const call = {
      method: "GET",
      headers: { prefer: `wait=${WAIT_S}` },
      boundMs: 1000 * WAIT_S + MARGIN_MS,
    } as const;
    const began = clock.now();
    while (clock.now() - began < boundMs) {
      const answer = await this.#persistently(listener, path, call, boundMs);
      if (answer === "late") break;
      if (answer === "hung") return;
      const read = answer.status === 200 ? parsed(Job, answer.text) : undefined;
      if (read === undefined) return this.#odd(listener, `GET ${path}`, answer);
      if (this.#tellOutcome(listener, read)) return;
    }
    this.#tell(listener, { kind: "hung", call: `the outcome of ${job}`, ms: boundMs });
  }

  /** Asks again while refused or cut off. */
  async #persistently(
    listener: Listener,
    path: string,
    call: Omit<Call, "url">,
    patienceMs: number,
  ): Promise<Answer & { kind: "response" } | "hung" | "late"> {
    const { clock } = this.#parts;
    const began = clock.now();
    while (true) {
      const asked = clock.now();
      const answer = await this.#askAnyone(path, call);
      if (answer.kind === "hung") {
        const ms = Math.round(clock.now() - asked);
        this.#tell(listener, { kind: "hung", call: `${call.method} ${path}`, ms });
        return "hung";
      }
      if (answer.kind === "response" && answer.status !== 503) return answer;
      this.#tell(listener, notNow(answer));
      if (clock.now() - began > patienceMs) return "late";
      const pauseMs = answer.kind === "broken" ? BROKEN_PAUSE_MS : REFUSED_PAUSE_MS;
      await clock.sleep(pauseMs * (1 + this.#parts.random()), NEVER);
    }
  }

  async #askAnyone(path: string, call: Omit<Call, "url">): Promise<Answer> {
    const gateways = this.#parts.gateways();
    const gateway = gateways[Math.floor(this.#parts.random() * gateways.length)];
    if (gateway === undefined) return { kind: "broken", error: "no gateway serves" };
    return await ask({ ...call, url: gateway + path });
  }

  #tellOutcome(
    listener: Listener,
    { id, state, finishedAt }: z.infer<typeof Job>,
  ): boolean {
    if (!isFinal(state)) return false;
    const time = finishedAt === null ? {} : { finishedAt };
    this.#tell(listener, { kind: "outcome", state, job: id, ...time });
    return true;
  }

  #odd(listener: Listener, call: string, { status, text }: Answer & { kind: "response" }): void {
    this.#tell(listener, { kind: "odd", call, status, body: text.slice(0, BODY_SHOWN_MAX) });
  }

  #tell(listener: Listener, told: Told): void {
    this.#parts.history.tell(listener, told);
  }
}

/** Characters of a body that a history keeps. */
const BODY_SHOWN_MAX = 500;

function notNow(answer: Exclude<Answer, { kind: "hung" }>): Told {
  if (answer.kind === "broken") return answer;
  return { kind: "refused", code: parsed(Problem, answer.text)?.code ?? answer.text };
}

/** Reads JSON; undefined where it is none, or not what the schema says. */
function parsed<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
