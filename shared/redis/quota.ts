/**
 * Quotas of API keys, counted in Redis for all gateways together.
 *
 * Borrows the command connection. Never looks at a job: it is told when one is done.
 * Invariant: a job is counted once, in the step that lets it pass, whatever shard it comes to.
 *
 * @module
 */
import { type JobId, uuidOf } from "../job.ts";
import type { Quota, Quotas, QuotaUse, Taken } from "../quota.ts";
import type { Commands } from "./guard.ts";
import { QuotaKeys } from "./keys.ts";
import { runScript, Script } from "./script.ts";
import { TAKE } from "./scripts/quota.ts";

const takeScript = new Script(TAKE);

type TakeReply = [
  verdict: "taken" | "requests" | "bytes" | "jobs",
  requests: number,
  bytes: number,
  jobs: number,
  resetMs: number,
];

export class RedisQuotas implements Quotas {
  readonly #commands: Commands;

  constructor(commands: Commands) {
    this.#commands = commands;
  }

  /** A resend after a lost reply is counted twice: too much for once, but never too little. */
  async take(
    owner: string,
    { windowMs, ...bounds }: Quota,
    { id, bytes, timeoutMs }: QuotaUse,
  ): Promise<Taken> {
    const keys = new QuotaKeys(owner);
    const reply = await runScript(
      this.#commands,
      takeScript,
      [keys.used(), keys.jobs()],
      [
        ...[uuidOf(id), bytes, timeoutMs, windowMs],
        ...[bounds.requestsMax, bounds.bytesMax, bounds.jobsMax].map((bound) => bound ?? ""),
      ],
    );
    const [verdict, requests, used, jobs, resetMs] = reply as TakeReply;
    const state = { requests, bytes: used, jobs, resetMs };
    return verdict === "taken" ? { state } : { state, refused: verdict };
  }

  async release(owner: string, id: JobId): Promise<void> {
    await this.#commands.run((client) => client.zrem(new QuotaKeys(owner).jobs(), uuidOf(id)));
  }
}
